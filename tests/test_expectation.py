"""Expectations of a mean: by hand, against scipy, and how often they err."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from fairprune.stats import expectation

SAMPLE = [0.4, 1.0, 0.7, 1.3]  # mean 0.85, standard error 0.1936, 3 degrees of freedom


@pytest.mark.parametrize(("expect", "outcome"), [("positive", "reproduced"), ("negative", "contradicted")])
def test_sides_are_those_of_students_test(expect, outcome):
    found = expectation(SAMPLE, expect)
    greater = scipy_stats.ttest_1samp(SAMPLE, 0, alternative="greater").pvalue
    p, contrary = (greater, 1 - greater) if expect == "positive" else (1 - greater, greater)
    assert (found.p, found.p_contrary) == pytest.approx((p, contrary))
    assert found.outcome == outcome
    assert found.seen.mean == pytest.approx(0.85)


def test_zero_is_two_one_sided_tests():
    found = expectation(SAMPLE, "zero", 2.0)
    above = scipy_stats.ttest_1samp(SAMPLE, -2, alternative="greater").pvalue
    below = scipy_stats.ttest_1samp(SAMPLE, 2, alternative="less").pvalue
    assert found.p == pytest.approx(max(above, below))
    assert found.outcome == "reproduced"
    assert expectation(SAMPLE, "zero", 0.3).outcome == "undecided"
    beyond = expectation(SAMPLE, "zero", 0.1)
    assert beyond.p_contrary == pytest.approx(2 * scipy_stats.ttest_1samp(SAMPLE, 0.1, alternative="greater").pvalue)
    assert beyond.outcome == "contradicted"


def test_at_least_is_non_inferiority_and_nonzero_the_reverse_of_zero():
    slightly_worse = [-0.2, -0.1, -0.3, -0.2]
    assert expectation(slightly_worse, "at-least", 0.5).outcome == "reproduced"
    assert expectation(slightly_worse, "at-least", 0.1).outcome == "contradicted"
    assert expectation(slightly_worse, "nonzero", 0.1).outcome == "reproduced"
    near = [0.1, -0.1, 0.05, -0.04]
    assert expectation(near, "nonzero", 0.5).outcome == "contradicted"
    assert expectation(near, "nonzero", 0.5).p == pytest.approx(scipy_stats.ttest_1samp(near, 0).pvalue)


def test_one_contradiction_among_many_has_to_be_clearer():
    worse = [-0.9, 0.0, -0.7, -0.6]
    assert 0.01 < expectation(worse, "positive").p_contrary < 0.05
    assert expectation(worse, "positive").outcome == "contradicted"
    assert expectation(worse, "positive", family=5).outcome == "undecided"


@pytest.mark.parametrize("values", [[], [1.0]])
def test_too_few_values_decide_nothing(values):
    found = expectation(values, "positive")
    assert (found.p, found.p_contrary, found.outcome) == (None, None, "undecided")


def test_without_spread_it_is_certain():
    assert expectation([1.0, 1.0, 1.0], "positive").outcome == "reproduced"
    assert expectation([1.0, 1.0, 1.0], "negative").outcome == "contradicted"
    assert expectation([0.0, 0.0, 0.0], "positive").outcome == "undecided"
    assert expectation([0.0, 0.0, 0.0], "zero", 0.5).outcome == "reproduced"


@pytest.mark.parametrize(("expect", "margin"), [("positive", 0.5), ("zero", 0.0), ("at-least", 0.0)])
def test_a_margin_is_given_where_it_means_something(expect, margin):
    with pytest.raises(ValueError, match="margin"):
        expectation(SAMPLE, expect, margin)


@pytest.mark.parametrize(
    ("expect", "margin", "edge"), [("positive", 0, 0), ("at-least", 0.5, -0.5), ("zero", 0.5, 0.5), ("nonzero", 0.5, 0)]
)
def test_false_reproductions_are_as_rare_as_the_level_says(expect, margin, edge):
    """At the edge of what would have to be rejected: 5 % of 1,000 simulated samples of 5 seeds, give or take."""
    samples = np.random.default_rng(3).normal(edge, 0.3, (1000, 5))
    share = np.mean([expectation(list(sample), expect, margin).p <= 0.05 for sample in samples])
    assert 0.033 <= share <= 0.069


@pytest.mark.parametrize(
    ("expect", "margin", "edge"), [("positive", 0, 0), ("at-least", 0.5, -0.5), ("zero", 0.5, 0.5)]
)
def test_false_contradictions_are_no_more_frequent(expect, margin, edge):
    samples = np.random.default_rng(4).normal(edge, 0.3, (1000, 5))
    share = np.mean([expectation(list(sample), expect, margin).outcome == "contradicted" for sample in samples])
    assert share <= 0.069
