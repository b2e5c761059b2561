"""The additive model against least squares over dummy variables; all pairs of incomplete tables against simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairprune.stats.additive import fit
from fairprune.stats.contrasts import all_pairs


def table_of(values, gone):
    rows = {f"m{m}": {s: float(y) for s, y in enumerate(row) if not gone[m, s]} for m, row in enumerate(values)}
    return {name: row for name, row in rows.items() if row}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(1, 5), st.floats(0, 0.7))
def test_against_dummy_variables(state, methods, seeds, holes):
    rng = np.random.default_rng(state)
    values = rng.normal(size=(methods, seeds)) * 3
    table = table_of(values, rng.random((methods, seeds)) < holes)
    if not table:
        return
    names = list(table)
    cells = [(m, s, y) for m, row in table.items() for s, y in row.items()]
    design = np.array([[*(m == name for name in names), *(s == k for k in range(seeds))] for m, s, _ in cells], float)
    y, inverse = np.array([y for _, _, y in cells]), np.linalg.pinv(design)
    found, onto = fit(table), inverse @ design
    assert found.df == len(cells) - np.linalg.matrix_rank(design)
    if found.variance:
        assert found.variance * found.df == pytest.approx(float(((y - design @ inverse @ y) ** 2).sum()))
    for a, first in enumerate(names):
        for b, second in enumerate(names):
            row = np.zeros(design.shape[1])
            row[a] += 1
            row[b] -= 1
            linked = np.allclose(row @ onto, row, atol=1e-8)
            assert (found.group[a] == found.group[b]) == linked
            assert found.shared[a, b] == len(table[first].keys() & table[second].keys())
            if linked:
                assert found.effects[a] - found.effects[b] == pytest.approx(row @ inverse @ y, abs=1e-9)
                along = found.along(np.array([a]), np.array([b]))[0]
                assert along == pytest.approx(float(((row @ inverse) ** 2).sum()), abs=1e-9)


def test_all_intervals_of_an_incomplete_table_hold_together():
    """4 methods, 5 seeds, 4 holes: one table's bound in 20,000 tables of noise alone, by regression on dummies."""
    rng = np.random.default_rng(0)
    gone = np.zeros((4, 5), dtype=bool)
    gone[[0, 1, 1, 3], [0, 1, 2, 4]] = True
    found = all_pairs({"": table_of(rng.normal(size=(4, 5)), gone)})[""]
    bound = (found.high - found.low) / 2 / found.std_error
    assert np.ptp(bound) < 1e-9
    cells = [(m, s) for m in range(4) for s in range(5) if not gone[m, s]]
    design = np.array([[*(m == k for k in range(4)), *(s == k for k in range(5))] for m, s in cells], float)
    inverse, noise = np.linalg.pinv(design), rng.normal(size=(20_000, 16))
    pairs = inverse[found.first] - inverse[found.second]
    squares = ((noise - noise @ (design @ inverse).T) ** 2).sum(axis=1)
    errors = np.sqrt(squares / 8)[:, None] * np.linalg.norm(pairs, axis=1)  # 16 cells, rank 8
    held = (np.abs(noise @ pairs.T) / errors).max(axis=1) <= bound[0]
    assert held.mean() == pytest.approx(0.95, abs=0.005)


def test_a_table_of_hundreds_of_methods_is_quickly_judged():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(300, 3)) + np.arange(300)[:, None]
    found = all_pairs({"": {f"m{m}": dict(enumerate(row)) for m, row in enumerate(values.tolist())}})[""]
    assert len(found) == found.family == 300 * 299 // 2
    assert found.better[0] == 0  # neighbours
    assert (found[298].method, found[298].control, found[298].verdict) == ("m0", "m299", "worse")
    assert found[298].std_error == pytest.approx(math.sqrt(2 / 3), rel=0.1)
