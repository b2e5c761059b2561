"""Critical values against scipy, hand-computed bounds, and each other; roots."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from fairprune.stats.critical import critical_range, critical_value, value_along
from fairprune.stats.roots import root


@pytest.mark.parametrize(("methods", "df"), [(2, 1), (3, 4), (10, 20), (100, 1000)])
def test_all_pairs_of_a_complete_table_are_the_studentized_range(methods, df):
    exact = stats.studentized_range.ppf(0.95, methods, df) / math.sqrt(2)
    assert critical_range(methods, df) == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize("k", [2, 5, 19])
def test_directions_agree_with_the_integral(k):
    correlation = np.full((k, k), 0.5) + 0.5 * np.eye(k)
    along = value_along(np.linalg.cholesky(correlation), 12)
    assert along == pytest.approx(critical_value(correlation, 12), rel=2e-3)


def test_very_many_statistics_are_bounded_from_above_by_a_little():
    """All 4,950 pairs of 100 methods: the modulus of as many independent ones (Sidak 1967) is 3 % beyond the range."""
    rows = np.zeros((4950, 100))
    pairs = np.triu_indices(100, 1)
    rows[np.arange(4950), pairs[0]], rows[np.arange(4950), pairs[1]] = math.sqrt(0.5), -math.sqrt(0.5)
    found, exact = value_along(rows, 1000), critical_range(100, 1000)
    assert exact < found < 1.035 * exact
    per_test = 2 * stats.t(1000).sf(found)  # independent but for the common deviation, which matters little at 1,000
    assert (1 - per_test) ** 4950 == pytest.approx(0.95, abs=0.003)


def test_roots():
    assert root(lambda x: x**3 - 2, 0, 5) == pytest.approx(2 ** (1 / 3), abs=1e-9)
    assert root(lambda x: x - 1, 1, 4) == pytest.approx(1)
    assert root(lambda x: math.exp(-x) - 0.05, 0, 100) == pytest.approx(-math.log(0.05), abs=1e-9)
    with pytest.raises(ValueError, match="opposite signs"):
        root(lambda x: x * x + 1, -1, 1)
