"""All pairs and ranks: by hand, against the studentized range, as properties, and in simulated studies."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fairprune.stats import Judged, Rank, all_pairs, critical_value, families, ranks, why_unknown

# Means 12, 14, 12 with the variance 4/3 on 4 degrees of freedom (worked out in test_stats.py): every difference of two
# means has the standard error sqrt(8/9).
TABLE = {"l1": {1: 10, 2: 12, 3: 14}, "a": {1: 11, 2: 15, 3: 16}, "b": {1: 9, 2: 11, 3: 16}}


def correlation_of_pairs(k):
    rows = [np.eye(k)[i] - np.eye(k)[j] for i, j in combinations(range(k), 2)]
    return np.array(rows) @ np.array(rows).T / 2


def ranked(table, level=0.95, **more):
    (pairs,) = all_pairs({"": table}, level, **more).values()
    return {rank.method: (rank.best, rank.worst) for rank in ranks(pairs, list(table), **more)}


def judged(*verdicts):
    """All pairs from texts like `a>b` (separated), `a~b` and `a?b`, the first estimate a point above the second."""
    names, numbers = sorted({name for v in verdicts for name in (v[0], v[2])}), np.ones(len(verdicts))
    first, second = (np.array([names.index(v[end]) for v in verdicts]) for end in (0, 2))
    reasons = {n: "too few seeds" for n, v in enumerate(verdicts) if v[1] == "?"}
    better = np.array([v[1] == ">" for v in verdicts], dtype=int)
    return Judged(
        names, first, second, 0.95, 3, 4, first, numbers, numbers, numbers, numbers, numbers, numbers, better, reasons
    )


@pytest.mark.parametrize(("k", "df", "q"), [(3, 4, 5.04), (3, 10, 3.88), (5, 10, 4.65), (4, 20, 3.96), (10, 20, 5.01)])
def test_all_pairs_meet_the_published_studentized_range(k, df, q):
    assert critical_value(correlation_of_pairs(k), df) == pytest.approx(q / math.sqrt(2), abs=0.006)


@pytest.mark.parametrize(("k", "df"), [(2, 3), (9, 16), (20, 40)])
def test_all_pairs_meet_the_computed_studentized_range(k, df):
    exact = stats.studentized_range.ppf(0.975, k, df) / math.sqrt(2)
    assert critical_value(correlation_of_pairs(k), df, 0.975) == pytest.approx(exact, abs=0.003)


def test_all_pairs_by_hand():
    pairs = all_pairs({"": TABLE})[""]
    assert [(c.method, c.control, c.df, c.family) for c in pairs] == [
        ("l1", "a", 4, 3),
        ("l1", "b", 4, 3),
        ("a", "b", 4, 3),
    ]
    assert [c.difference for c in pairs] == pytest.approx([-2, 0, 2], abs=1e-12)
    assert pairs[2].high == pytest.approx(2 + 5.04 / math.sqrt(2) * math.sqrt(8 / 9), abs=0.006)
    assert pairs[2].p_adjusted == pytest.approx(3 * 0.1012, abs=4e-4)  # 2 P(T4 > 2.1213), three times
    assert {c.verdict for c in pairs} == {"not separated"}


def test_what_is_not_separated_shares_all_ranks():
    assert ranked(TABLE) == {"a": (1, 3), "l1": (1, 3), "b": (1, 3)}


def test_clear_separation_leaves_one_rank_each_in_either_direction():
    moved = {
        name: {s: y + far for s, y in row.items()} for far, (name, row) in zip((0, 80, 40), TABLE.items(), strict=True)
    }
    assert ranked(moved) == {"a": (1, 1), "b": (2, 2), "l1": (3, 3)}
    assert list(ranked(moved)) == ["a", "b", "l1"]
    assert ranked(moved, higher_is_better=False) == {"l1": (1, 1), "b": (2, 2), "a": (3, 3)}


def test_ranks_by_hand():
    """a before c, both about as good as b; d behind all."""
    pairs = judged("a~b", "a>c", "b~c", "a>d", "b>d", "c>d")
    assert ranks(pairs, "abcd") == (Rank("a", 1, 2), Rank("b", 1, 3), Rank("c", 2, 3), Rank("d", 4, 4))
    assert ranks(pairs, "bc") == (Rank("b", 1, 2), Rank("c", 1, 2))
    assert ranks(pairs, "a") == (Rank("a", 1, 1),)


def test_no_ranks_without_a_contrast_of_every_pair():
    with pytest.raises(ValueError, match="every two of a, b, c"):
        ranks(judged("a>b", "b>c", "a?c"), "abc")
    assert why_unknown(judged("a>b", "b>c", "a?c"), "abc") == "too few seeds"
    assert why_unknown(judged("a>b", "b>c", "a?c"), "bc") is None
    assert why_unknown(judged("a>b"), "ac") == "it is missing"


tables = st.integers(0, 2**32 - 1).map(lambda state: _table(np.random.default_rng(state)))


def _table(rng):
    """2 to 5 methods that differ by nothing or much on 5 seeds, some of which some of them lack."""
    methods = int(rng.integers(2, 6))
    values = rng.normal(size=(methods, 5)) + rng.choice([0, 0, 2, 5, 20], size=(methods, 1)) + 3 * rng.normal(size=5)
    gone = rng.random((methods, 5)) < 0.25
    gone[:, 0] = gone[0] = False  # so that all are linked, and something is left for the variance
    return {f"m{i}": {s: float(values[i, s]) for s in range(5) if not gone[i, s]} for i in range(methods)}


@settings(max_examples=8, deadline=None)
@given(tables)
def test_ranges_hold_the_order_and_are_shared_unless_separated(table):
    pairs = all_pairs({"": table})[""]
    found = ranks(pairs, list(table))
    assert all(rank.best <= place <= rank.worst for place, rank in enumerate(found, 1))
    ranges = {rank.method: range(rank.best, rank.worst + 1) for rank in found}
    for c in pairs:
        if c.verdict == "not separated":
            assert set(ranges[c.method]) & set(ranges[c.control])
        elif c.verdict == "better":
            assert ranges[c.method].start < ranges[c.control].start
            assert ranges[c.method].stop < ranges[c.control].stop
    better = {(c.method, c.control) if c.verdict == "better" else (c.control, c.method) for c in pairs
              if c.verdict in ("better", "worse")}  # fmt: skip
    assert all((a, d) in better for a, b in better for c, d in better if b == c)


@settings(max_examples=8, deadline=None)
@given(tables, tables)
def test_whoever_is_separated_from_the_control_by_rank_is_so_by_the_declared_comparison(one, other):
    both = {"2x": one, "4x": other}
    declared, pairs = families(both, "m0"), all_pairs(both)
    for target in both:
        verdicts = {c.method: c.verdict for c in declared[target]}
        against = [c for c in pairs[target] if c.method == "m0" and c.verdict != "not separated"]
        assert all(verdicts[c.control] == {"better": "worse", "worse": "better"}[c.verdict] for c in against)


def test_among_equals_all_share_all_ranks_in_95_percent_of_studies():
    """300 simulated studies of 6 methods on 4 seeds."""
    rng = np.random.default_rng(0)
    values = 3 * rng.normal(size=(300, 1, 4)) + rng.normal(size=(300, 6, 4))
    found = [ranked({f"m{i}": dict(enumerate(row)) for i, row in enumerate(study)}) for study in values.tolist()]
    assert 0.93 <= np.mean([set(ranges.values()) == {(1, 6)} for ranges in found]) < 1


def test_true_ranks_lie_in_all_ranges_in_95_percent_of_studies():
    rng = np.random.default_rng(1)
    effects = np.array([[0], [-1], [-2], [-4], [-8]])
    values = 3 * rng.normal(size=(150, 1, 4)) + rng.normal(size=(150, 5, 4)) + effects
    found = [ranked({f"m{i}": dict(enumerate(row)) for i, row in enumerate(study)}) for study in values.tolist()]
    held = [all(r[f"m{i}"][0] <= i + 1 <= r[f"m{i}"][1] for i in range(5)) for r in found]
    assert np.mean(held) >= 0.93
    assert np.mean([r["m4"] == (5, 5) for r in found]) > 0.5  # and they are not wide throughout
