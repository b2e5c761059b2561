"""Error rates of tests and intervals, by 1,000 simulated studies each with fixed seeds.

A true 5 % comes out as 3.3 to 6.9 % but for one in 100 seeds of the simulation; a true 95 % likewise.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from fairprune.stats import Contrast, contrasts, cross, describe, equivalence, families
from fairprune.stats.contrasts import holm
from fairprune.stats.student import above

STUDIES = 1000
EFFECTS = np.array([0.0, 0.0, 1.0, -2.0])  # of the control and three methods; seeds add more than noise does
FEW_SEEDS = pytest.mark.parametrize("seeds", [3, 5])


def rare(cases) -> bool:
    """Whether what should happen in 5 % of the studies does."""
    return 0.033 <= np.mean(cases) <= 0.069


@cache
def studies(seeds) -> list[list[Contrast]]:
    """The contrasts with the control of every study."""
    rng = np.random.default_rng(0)
    shared, noise = 3 * rng.normal(size=(STUDIES, 1, seeds)), rng.normal(size=(STUDIES, len(EFFECTS), seeds))
    tables = (shared + noise + EFFECTS[:, None]).tolist()
    return [contrasts({f"m{i}": dict(enumerate(row)) for i, row in enumerate(table)}, "m0") for table in tables]


@FEW_SEEDS
def test_a_single_test_rejects_a_true_null_in_5_percent(seeds):
    assert rare([found[0].p <= 0.05 for found in studies(seeds)])


@FEW_SEEDS
def test_simultaneous_intervals_miss_one_of_the_differences_in_5_percent(seeds):
    assert rare([any(not c.low <= e <= c.high for c, e in zip(f, EFFECTS[1:], strict=True)) for f in studies(seeds)])


@FEW_SEEDS
def test_each_interval_alone_misses_less_often(seeds):
    for number, effect in enumerate(EFFECTS[1:]):
        missed = np.mean([not f[number].low <= effect <= f[number].high for f in studies(seeds)])
        assert 0.005 <= missed <= 0.045  # about 2 %


@FEW_SEEDS
def test_holm_rejects_one_of_three_true_nulls_in_at_most_5_percent(seeds):
    """Of being the true effects; the three share a control, so it is a little below 5 %."""
    p = [[_p(c, effect) for c, effect in zip(found, EFFECTS[1:], strict=True)] for found in studies(seeds)]
    assert 0.02 <= np.mean([min(holm(each)) <= 0.05 for each in p]) <= 0.069
    assert np.mean([min(each) <= 0.05 for each in p]) > 0.09  # so often without a correction


def _p(contrast, effect):
    """Two-sided, of the contrast's being the effect."""
    return 2 * above(abs(contrast.difference - effect) / contrast.std_error, contrast.df)


def test_verdicts_over_several_targets_are_one_family():
    rng = np.random.default_rng(2)
    wrong = []
    for two in rng.normal(size=(STUDIES, 2, 3, 3)):
        named = {
            target: {f"m{i}": dict(enumerate(row)) for i, row in enumerate(v)}
            for target, v in zip("ab", two, strict=True)
        }
        found = families(named, "m0")
        wrong.append(any(c.verdict != "not separated" for group in found.values() for c in group))
    assert 0.01 <= np.mean(wrong) <= 0.069


@FEW_SEEDS
@pytest.mark.parametrize("side", [1, -1])
def test_a_difference_at_the_margin_is_called_equal_in_5_percent(seeds, side):
    """The first method's true difference is 0; moved to a margin that is wide for the noise."""
    margin = 20.0
    at_margin = [replace(found[0], difference=found[0].difference + side * margin) for found in studies(seeds)]
    assert rare([equivalence(contrast, margin).equivalent for contrast in at_margin])


@FEW_SEEDS
def test_paired_differences_at_the_margin_are_called_equal_in_5_percent(seeds):
    samples = np.random.default_rng(3).normal(1.0, 0.2, size=(STUDIES, seeds))
    assert rare([equivalence(row, 1.0).equivalent for row in samples.tolist()])


def test_with_much_noise_equality_is_claimed_less_often_not_more():
    samples = np.random.default_rng(4).normal(1.0, 5.0, size=(STUDIES, 3))
    assert np.mean([equivalence(row, 1.0).equivalent for row in samples.tolist()]) < 0.033


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_the_interval_of_a_mean_misses_it_in_5_percent(seeds):
    samples = np.random.default_rng(5).normal(5, 2, size=(STUDIES, seeds))
    assert rare([not d.low <= 5 <= d.high for d in map(describe, samples)])


@cache
def crossings(seeds, method, recipe, interaction):
    """Crossings of two methods and two recipes with these true effects."""
    rng = np.random.default_rng(6)
    shared, noise = 3 * rng.normal(size=(STUDIES, 1, 1, seeds)), rng.normal(size=(STUDIES, 2, 2, seeds))
    halves = np.array([0.5, -0.5])
    means = method * halves[:, None] + recipe * halves + interaction * np.outer(halves, halves)
    return [
        cross({(m, r): dict(enumerate(cells[m, r].tolist())) for m in (0, 1) for r in (0, 1)})
        for cells in shared + noise + means[:, :, None]
    ]


@FEW_SEEDS
def test_effects_of_a_crossing_are_missed_in_5_percent(seeds):
    true = {"method": 1.0, "recipe": -2.0, "interaction": 0.5}
    found = crossings(seeds, *true.values())
    for effect, value in true.items():
        assert rare([not getattr(f, effect).low <= value <= getattr(f, effect).high for f in found]), effect
    simple = [1.0 + 0.5 / 2, 1.0 - 0.5 / 2]  # under either recipe, at a level that holds for both
    assert rare([any(not s.low <= v <= s.high for s, v in zip(f.simple, simple, strict=True)) for f in found])


@FEW_SEEDS
def test_a_crossing_of_equal_methods_names_no_winner_however_much_a_recipe_gives(seeds):
    found = crossings(seeds, 0.0, 10.0, 0.0)
    assert np.mean([f.verdict in ("the first method", "the second method") for f in found]) < 0.02
    assert np.mean([f.verdict == "an interaction" for f in found]) <= 0.069
