from __future__ import annotations

import math
from decimal import ROUND_CEILING, Decimal

import numpy as np
import pytest
import torch
from hypothesis import given as for_all
from hypothesis import strategies as st
from torch import Tensor

from fairprune.errors import PruneError
from fairprune.pruning.allocation import (
    balanced,
    given,
    global_,
    like,
    ratios_of,
    select,
    select_masks,
    uniform,
)
from fairprune.pruning.space import Group

INF = math.inf


def tensors(**values: list[float]) -> dict[str, Tensor]:
    return {name: torch.tensor(v) for name, v in values.items()}


# few distinct values, so that ties are common
numbers = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=12)
groups = st.lists(numbers, min_size=1, max_size=5).map(lambda g: tensors(**{f"g{i}": v for i, v in enumerate(g)}))
fractions = st.floats(0, 1)
RULES = [global_, uniform, balanced]


def ranked(scores: dict[str, Tensor], k: int) -> dict[str, int]:
    """An oracle: sort everything in Python; ties by group, then index."""
    units = [(-float(s), g, i) for g, (_, v) in enumerate(scores.items()) for i, s in enumerate(v)]
    names = [list(scores)[g] for _, g, _ in sorted(units)[:k]]
    return {name: names.count(name) for name in scores}


def test_global_by_hand() -> None:
    scores = tensors(a=[5.0, 1.0, 4.0], b=[3.0, 2.0])
    assert global_(scores, 0.6, 0) == {"a": 2, "b": 1}
    assert global_(scores, 0.4, 0) == {"a": 2, "b": 0}
    assert global_(scores, 0.4, 1) == {"a": 1, "b": 1}
    assert global_(scores, 0.0, 0) == {"a": 0, "b": 0}
    assert global_(scores, 0.0, 1) == {"a": 1, "b": 1}
    assert global_(scores, 1.0, 1) == {"a": 3, "b": 2}


def test_global_breaks_ties_by_group_and_ranks_types_together() -> None:
    assert global_(tensors(a=[1.0, 1.0], b=[1.0, 1.0]), 0.75, 0) == {"a": 2, "b": 1}
    third = {"a": torch.tensor([1 / 3]), "b": torch.tensor([1 / 3], dtype=torch.float64)}  # fp32's third is larger
    assert global_(third, 0.5, 0) == {"a": 1, "b": 0}
    assert global_(dict(reversed(third.items())), 0.5, 0) == {"b": 0, "a": 1}


@for_all(groups, fractions)
def test_global_is_the_sorted_ranking(scores: dict[str, Tensor], keep: float) -> None:
    assert global_(scores, keep, 0) == ranked(scores, round(keep * sum(map(len, scores.values()))))


@for_all(groups, fractions, st.integers(0, 3))
def test_global_counts_are_exact_whatever_the_minimum(scores: dict[str, Tensor], keep: float, minimum: int) -> None:
    counts = global_(scores, keep, minimum)
    floor = sum(min(minimum, len(s)) for s in scores.values())
    assert sum(counts.values()) == max(round(keep * sum(map(len, scores.values()))), floor)
    assert all(min(minimum, len(s)) <= counts[name] <= len(s) for name, s in scores.items())


def test_uniform_treats_ratios_as_decimals() -> None:
    assert math.ceil(0.07 * 100) == 8  # the trap
    assert uniform({"a": torch.zeros(100)}, 0.93, 1) == {"a": 93}
    assert uniform({"a": torch.zeros(64), "b": torch.zeros(16)}, 0.05, 1) == {"a": 3, "b": 1 - 0}
    assert uniform({"a": torch.zeros(16)}, 0.0, 1) == {"a": 1}
    assert uniform({"a": torch.zeros(16)}, 0.0, 0) == {"a": 0}


@for_all(st.integers(0, 9999), st.integers(1, 100_000), st.integers(0, 1))
def test_uniform_is_the_published_rule(ratio: int, n: int, minimum: int) -> None:
    decimal = Decimal(ratio) / 10_000
    removed = min(int((decimal * n).to_integral_value(ROUND_CEILING)), n - minimum)
    assert uniform({"a": torch.zeros(n)}, 1 - ratio / 10_000, minimum) == {"a": n - removed}


def test_given_holds_stated_amounts_exactly_and_scales_them_otherwise() -> None:
    scores, ratios = {"a": torch.zeros(10), "b": torch.zeros(10), "c": torch.zeros(20)}, {"a": 0.6, "b": 0.2, "c": 0.0}
    assert given(scores, 0.8, 1, ratios=ratios) == {"a": 4, "b": 8, "c": 20}
    assert given(scores, 0.801, 1, ratios=ratios) == {"a": 4, "b": 8, "c": 20}  # within 1 %
    assert given(scores, 0.9, 1, ratios=ratios) == {"a": 7, "b": 9, "c": 20}
    assert given(scores, 0.7, 1, ratios=ratios) == {"a": 1, "b": 7, "c": 20}  # 12 of 40: .9 and .3
    assert given(scores, 0.625, 0, ratios=ratios) == {"a": 0, "b": 5, "c": 20}  # 15 of 40: a is exhausted
    assert given(scores, 0.0, 1, ratios=ratios) == {"a": 1, "b": 1, "c": 20}
    assert given(scores, 1.0, 1, ratios=ratios) == {"a": 10, "b": 10, "c": 20}
    with pytest.raises(PruneError, match="removes nothing"):
        given(scores, 0.5, 1, ratios=dict.fromkeys(scores, 0.0))


def test_ratios_by_pattern_name_groups_or_their_layers() -> None:
    found = (
        Group("1.conv1", 4, ("1.conv1",)),
        Group("2.conv1", 4, ("2.conv1",)),
        Group("stem", 4, ("stem", "1.conv2")),
    )
    assert ratios_of(found, {"*.conv1": 0.5, "2.*": 0.25}) == {"1.conv1": 0.5, "2.conv1": 0.25, "stem": 0.0}
    assert ratios_of(found, {"1.conv2": 0.5})["stem"] == 0.5
    with pytest.raises(PruneError, match=r"unknown layer pattern '3.conv1'; did you mean"):
        ratios_of(found, {"3.conv1": 0.5})
    with pytest.raises(PruneError, match=r"ratio 30 of 'stem': expected the fraction removed, from 0 to 1"):
        ratios_of(found, {"stem": 30})


def test_like_uses_the_other_methods_counts() -> None:
    scores = tensors(a=[1.0, 2.0], b=[3.0])
    assert like(scores, 0.3, 1, counts={"a": 1, "b": 0}) == {"a": 1, "b": 0}
    for counts, culprit in (({"a": 1}, "b"), ({"a": 1, "b": 1, "c": 1}, "c"), ({"a": 3, "b": 1}, "a")):
        with pytest.raises(PruneError, match=f"group '{culprit}' is not the same in both methods"):
            like(scores, 0.3, 1, counts=counts)


def test_units_that_are_gone_never_come_back() -> None:
    scores = tensors(a=[-INF, 1.0, -INF, 2.0], b=[-5.0, -INF])
    assert global_(scores, 1.0, 0) == {"a": 2, "b": 1}
    assert global_(scores, 0.5, 0) == {"a": 2, "b": 1}
    assert global_(scores, 0.34, 0) == {"a": 2, "b": 0}
    assert global_(scores, 0.0, 3) == {"a": 2, "b": 1}
    assert uniform(scores, 1.0, 0) == {"a": 2, "b": 1}
    assert uniform(scores, 0.25, 0) == {"a": 1, "b": 0}
    assert like(scores, 1.0, 0, counts={"a": 4, "b": 1}) == {"a": 2, "b": 1}
    assert [k.tolist() for k in select(scores, {"a": 4, "b": 1}).values()] == [[1, 3], [0]]
    assert [k.tolist() for k in select(scores, {"a": 3, "b": 0}).values()] == [[1, 3], []]


def test_selection_by_hand() -> None:
    kept = select(tensors(a=[1.0, 3.0, 1.0, 2.0], b=[0.0, 0.0, 0.0]), {"a": 3, "b": 2})
    assert [k.tolist() for k in kept.values()] == [[0, 1, 3], [0, 1]]
    assert all(k.dtype == torch.int64 for k in kept.values())


@for_all(groups, fractions, st.integers(0, 2), st.sampled_from(RULES))
def test_selection_is_the_stable_sort(scores: dict[str, Tensor], keep: float, minimum: int, rule: object) -> None:
    counts = rule(scores, keep, minimum)  # type: ignore[operator]
    masks = select_masks(scores, counts)
    for name, kept in select(scores, counts).items():
        assert torch.equal(masks[name].nonzero().flatten(), kept)
        order = np.argsort(-scores[name].numpy(), kind="stable")[: counts[name]]
        assert kept.tolist() == sorted(order.tolist())


@for_all(groups, fractions, fractions, st.integers(0, 2), st.sampled_from([*RULES, "given"]))
def test_kept_sets_are_nested_as_less_is_kept(
    scores: dict[str, Tensor], one: float, two: float, minimum: int, rule: object
) -> None:
    def allocate(keep: float) -> dict[str, Tensor]:
        ratios = {name: 0.1 + 0.8 * i / len(scores) for i, name in enumerate(scores)}
        counts = given(scores, keep, minimum, ratios=ratios) if rule == "given" else rule(scores, keep, minimum)  # type: ignore[operator]
        return dict(select(scores, counts))

    less, more = allocate(min(one, two)), allocate(max(one, two))
    assert all(set(less[name].tolist()) <= set(more[name].tolist()) for name in scores)


@for_all(groups, fractions, st.sampled_from(RULES))
def test_allocating_what_is_kept_again_changes_nothing(scores: dict[str, Tensor], keep: float, rule: object) -> None:
    """Idempotence: the units that one round removes are gone (-inf) in the next, which keeps the same."""
    first = select(scores, rule(scores, keep, 0))  # type: ignore[operator]
    left = {name: torch.full_like(s, -INF) for name, s in scores.items()}
    for name, kept in first.items():
        left[name][kept] = scores[name][kept]
    second = select(left, rule(left, keep, 0))  # type: ignore[operator]
    assert all(torch.equal(first[name], second[name]) for name in scores)


@for_all(st.lists(st.tuples(st.floats(0.01, 1), st.integers(1, 5000)), min_size=1, max_size=5), st.floats(0, 1))
def test_given_removes_what_is_asked_overall(parts: list[tuple[float, int]], keep: float) -> None:
    scores = {str(i): torch.zeros(n) for i, (_, n) in enumerate(parts)}
    counts = given(scores, keep, 0, ratios={str(i): ratio for i, (ratio, _) in enumerate(parts)})
    total = sum(n for _, n in parts)
    stated = sum(ratio * n for ratio, n in parts)
    slack = len(parts) + 0.01 * min(stated, total - stated)  # whole units, and amounts held as stated
    assert abs(sum(counts.values()) - keep * total) <= slack + 1e-3
