"""The highest of many scores, against sorting all of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

from fairprune.pruning import ranking
from fairprune.pruning.ranking import finite_count, kth_highest, top_counts, top_mask, top_positions

INF = math.inf
KINDS = ["normal", "sorted", "periodic", "ties", "constant", "gone"]
KEPT = (1, 2, 10, 150, 182, 399, 2000, 3999, 4000)

# few distinct values, so that ties are common
numbers = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=12)
groups = st.lists(numbers.map(torch.tensor), min_size=1, max_size=5)


def values_of(kind: str) -> Tensor:
    """Brackets hit, miss (sorted, periodic: the stride sees them badly) and hold everything."""
    values = torch.randn(4000, generator=torch.Generator().manual_seed(0))
    return {
        "normal": values,
        "sorted": values.sort().values,
        "periodic": torch.where(torch.arange(4000) % 22 == 0, values + 9, values),
        "ties": values.round(),
        "constant": torch.ones(4000),
        "gone": torch.where(values > 1, values, -INF),
    }[kind]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples and pieces that are exceeded soon."""
    monkeypatch.setattr(ranking, "SAMPLE", 400)
    monkeypatch.setattr(ranking, "PIECE", 100)


def stable(values: Tensor, count: int) -> list[int]:
    """An oracle: positions of the highest, among equals the lower ones."""
    return sorted(np.argsort(-values.double().numpy(), kind="stable")[:count].tolist())


@for_all(groups, st.data())
def test_counts_are_those_of_the_ranking(scores: list[Tensor], data: st.DataObject) -> None:
    units = [(-float(s), part) for part, values in enumerate(scores) for s in values]
    k = data.draw(st.integers(0, len(units)))
    taken = [part for _, part in sorted(units)[:k]]
    assert top_counts(scores, k) == [taken.count(part) for part in range(len(scores))]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("kind", KINDS)
def test_exact_on_large_inputs(kind: str) -> None:
    values = values_of(kind)
    parts, order = list(values.split([1500, 1, 2499])), values.sort(descending=True).values.tolist()
    for k in KEPT:
        assert kth_highest(parts, k) == order[k - 1]
        positions = np.array(stable(values, k))
        expected = [int(((positions >= start) & (positions < stop)).sum()) for start, stop in ((0, 1500), (1500, 1501))]
        assert top_counts(parts, k) == [*expected, k - sum(expected)]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("kind", KINDS)
def test_positions_are_those_of_the_stable_sort(kind: str) -> None:
    values = values_of(kind)
    before = values.clone()
    for k in (0, *KEPT, 5000):
        expected = [place for place in stable(values, k) if values[place] > -INF]
        found = top_positions(values, k)
        assert found.tolist() == expected
        assert found.dtype == torch.int64
        marked = top_mask(values, k)
        assert torch.equal(marked.nonzero().flatten(), found)
        assert (marked.dtype, marked.shape) == (torch.bool, values.shape)
    assert torch.equal(values, before)
    assert finite_count(values) == int((values > -INF).sum())


@settings(max_examples=30)
@for_all(st.integers(1, 2000), st.integers(0, 99))
def test_the_bracket_never_changes_the_answer(k: int, seed: int) -> None:
    values = torch.randn(2000, generator=torch.Generator().manual_seed(seed)).mul(50).round()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "SAMPLE", 240)
        patch.setattr(ranking, "PIECE", 77)
        assert kth_highest([values[:700], values[700:]], k) == values.sort(descending=True).values[k - 1]
        assert top_positions(values, k).tolist() == stable(values, k)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_every_type(kind: torch.dtype) -> None:
    values = torch.tensor([3.0, -INF, 0.1, 2.0, 2.0], dtype=kind)
    assert kth_highest([values], 3) == 2
    assert top_counts([values[:3], values[3:]], 2) == [1, 1]
    assert top_positions(values, 2).tolist() == [0, 3]
    assert finite_count(values) == 4


@pytest.mark.usefixtures("small")
def test_neighbours_in_double_precision_are_told_apart() -> None:
    """Equal in fp32: only the next number of fp64 ranks higher."""
    values = torch.ones(2000, dtype=torch.float64)
    values[[7, 1234]] = math.nextafter(1, 2)
    assert top_positions(values, 2).tolist() == [7, 1234]
    assert top_counts([values[:1000], values[1000:]], 3) == [2, 1]
