"""Methods that vary more than others: by hand, robustly, and how often without a reason."""

from __future__ import annotations

import numpy as np
import pytest

from fairprune.stats.variance import outlying

STEADY = {
    name: {0: 1.0 + shift, 1: 2.0 - shift, 2: 3.0} for name, shift in zip("abcd", (0.1, 0.2, -0.1, 0), strict=True)
}


def test_a_method_that_collapses_with_one_seed_stands_out():
    found = outlying({**STEADY, "e": {0: 1.0, 1: 2.0, 2: -40.0}})
    assert list(found) == ["e"]
    assert found["e"] > 50


def test_two_of_them_do_not_hide_each_other():
    both = {"e": {0: 1.0, 1: 2.0, 2: -40.0}, "f": {0: -30.0, 1: 2.0, 2: 3.0}}
    assert set(outlying({**STEADY, **both})) == {"e", "f"}


def test_what_seeds_add_to_all_methods_is_no_variance_of_theirs():
    assert outlying({name: {seed: 100.0 * y for seed, y in row.items()} for name, row in STEADY.items()}) == {}
    shifted = {name: {seed: y + 1000 * seed for seed, y in row.items()} for name, row in STEADY.items()}
    assert outlying(shifted) == {}


@pytest.mark.parametrize("table", [{}, {"a": {0: 1.0}}, {name: STEADY[name] for name in "abc"}])
def test_few_methods_or_seeds_say_nothing(table):
    assert outlying(table) == {}


def test_equal_methods_are_rarely_accused():
    """1,000 studies of 10 methods and 3 seeds, all alike: the level is 0.1 % a study, and the usual is an estimate."""
    values = np.random.default_rng(0).normal(size=(1000, 10, 3))
    accused = sum(bool(outlying({str(m): dict(enumerate(row)) for m, row in enumerate(study)})) for study in values)
    assert accused <= 20
