"""Allocations by shares: ERK and balanced."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from functools import partial

import pytest
import torch
from hypothesis import given as for_all
from hypothesis import strategies as st
from torch import Tensor

from fairprune import registry
from fairprune.api import compression, prune, ratio
from fairprune.errors import PruneError
from fairprune.pruning.allocation import Allocation, apportion, balanced, erk, select
from fairprune.pruning.apply import space_of
from fairprune.pruning.plan import DensePlan

INF = math.inf
SHAPES = {"linear": (10, 5), "conv": (4, 2, 3, 3), "small": (3, 4)}  # 50, 72, 12 weights; 15, 12, 7 in sum
UNITS = 134


def zeros(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    return {name: torch.zeros(math.prod(shape)) for name, shape in shapes.items()}


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (34, [15, 12, 7]),
        (17, [8, 6, 3]),  # 7.5, 6, 3.5: prices 15/15 and 7/7 are one, and the earlier group comes first
        (66, [30, 24, 12]),  # small is full: 54 are left for shares of 27
        (120, [50, 58, 12]),  # both are full
        (134, [50, 72, 12]),
        (0, [0, 0, 0]),
    ],
)
def test_erk_by_hand(kept: int, expected: list[int]) -> None:
    assert list(erk(zeros(SHAPES), kept / UNITS, 0, shapes=SHAPES).values()) == expected


def densities_of_rigl(shapes: Mapping[str, tuple[int, ...]], density: float) -> dict[str, float]:
    """As the paper's authors compute them: solve for epsilon, make the densest layer dense, until all fit."""
    dense: set[str] = set()
    while True:
        wanted = sum((density - (name in dense)) * math.prod(shape) for name, shape in shapes.items())
        raw = {name: sum(shape) / math.prod(shape) for name, shape in shapes.items() if name not in dense}
        epsilon = wanted / sum(raw[name] * math.prod(shapes[name]) for name in raw)
        if epsilon * max(raw.values()) <= 1:
            return {name: epsilon * raw[name] if name in raw else 1.0 for name in shapes}
        dense.add(max(raw, key=lambda name: raw[name]))


@pytest.mark.parametrize("density", [0.01, 0.1, 0.3, 0.5])
@pytest.mark.parametrize(("name", "size"), [("resnet20", 32), ("vgg16", 32)])
def test_erk_is_that_of_rigl(name: str, size: int, density: float) -> None:
    network = registry.load("network", name)(10, 3)
    shapes = space_of(network, DensePlan(), torch.zeros(1, 3, size, size), "weight", ()).shapes
    counts = erk(zeros(shapes), density, 0, shapes=shapes)
    expected = densities_of_rigl(shapes, density)
    assert max(abs(counts[name] - expected[name] * math.prod(shapes[name])) for name in shapes) < 1


def test_balanced_by_hand() -> None:
    scores = zeros({"a": (2,), "b": (10,), "c": (4,)})
    expected = {0: [0, 0, 0], 1: [1, 0, 0], 5: [2, 2, 1], 7: [2, 3, 2], 12: [2, 6, 4], 16: [2, 10, 4]}
    for kept, counts in expected.items():
        assert list(balanced(scores, kept / 16, 0).values()) == counts
    assert list(balanced(scores, 0.0, 1).values()) == [1, 1, 1]
    assert list(balanced(scores, 4 / 16, 3).values()) == [2, 3, 3]  # the minimum outweighs what was asked


sizes = st.lists(st.integers(1, 30), min_size=1, max_size=6)
fractions = st.floats(0, 1)


def dealt(sizes: list[int], kept: int) -> list[int]:
    """An oracle: units are dealt one by one to all groups that have room, in turn."""
    counts = [0] * len(sizes)
    while sum(counts) < kept:
        for i, size in enumerate(sizes):
            counts[i] += counts[i] < size and sum(counts) < kept
    return counts


@for_all(sizes, fractions)
def test_balanced_deals_units_in_turn(sizes: list[int], keep: float) -> None:
    counts = balanced({str(i): torch.zeros(n) for i, n in enumerate(sizes)}, keep, 0)
    assert list(counts.values()) == dealt(sizes, round(keep * sum(sizes)))


@st.composite
def layers(draw: st.DrawFn) -> tuple[dict[str, Tensor], dict[str, int]]:
    """Groups, in which some units are gone already, and shares."""
    parts = draw(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 8), st.integers(1, 40)), min_size=1, max_size=6))
    scores = {str(i): torch.arange(float(n)) for i, (n, _, _) in enumerate(parts)}
    for s, (_, gone, _) in zip(scores.values(), parts, strict=True):
        s[:gone] = -INF
    return scores, {str(i): share for i, (_, _, share) in enumerate(parts)}


def bought(scores: Mapping[str, Tensor], shares: Mapping[str, int], wanted: int, minimum: int) -> list[int]:
    """An oracle: every unit has a price, the minimum is free, and the cheapest are bought, earlier groups first."""
    left = {name: int((s > -INF).sum()) for name, s in scores.items()}
    counts = {name: min(minimum, n) for name, n in left.items()}
    prices = [
        (Fraction(2 * j - 1, shares[name]), group, name)
        for group, name in enumerate(scores)
        for j in range(counts[name] + 1, left[name] + 1)
    ]
    for _, _, name in sorted(prices)[: max(wanted - sum(counts.values()), 0)]:
        counts[name] += 1
    return list(counts.values())


@for_all(layers(), fractions, st.integers(0, 3))
def test_the_cheapest_units_are_kept(
    found: tuple[dict[str, Tensor], dict[str, int]], keep: float, minimum: int
) -> None:
    scores, shares = found
    wanted = round(keep * sum(map(len, scores.values())))
    counts = apportion(scores, shares, keep, minimum)
    assert list(counts.values()) == bought(scores, shares, wanted, minimum)
    left = {name: int((s > -INF).sum()) for name, s in scores.items()}
    floor = sum(min(minimum, n) for n in left.values())
    assert sum(counts.values()) == min(max(wanted, floor), sum(left.values()))


@for_all(layers(), fractions, fractions, st.integers(0, 2))
def test_counts_grow_with_what_is_kept(
    found: tuple[dict[str, Tensor], dict[str, int]], one: float, two: float, minimum: int
) -> None:
    less, more = (apportion(*found, keep, minimum) for keep in sorted((one, two)))
    assert all(less[name] <= more[name] for name in less)


def test_no_group_loses_a_unit_as_more_are_kept() -> None:
    """The largest remainders of 10 and 11 units in proportion 6 : 6 : 2 are 4, 4, 2 and 5, 5, 1."""
    scores, shares = zeros({"a": (50,), "b": (50,), "c": (50,)}), {"a": 6, "b": 6, "c": 2}
    found = [list(apportion(scores, shares, kept / 150, 0).values()) for kept in (9, 10, 11, 12)]
    assert found == [[4, 4, 1], [5, 4, 1], [5, 5, 1], [5, 5, 2]]


def test_nothing_is_left_of_groups_that_are_gone() -> None:
    scores = {"a": torch.full((3,), -INF), "b": torch.tensor([1.0, -INF, 2.0])}
    assert balanced(scores, 1.0, 1) == {"a": 0, "b": 2}
    assert balanced(scores, 0.0, 0) == {"a": 0, "b": 0}
    assert balanced({"a": scores["a"]}, 0.5, 0) == {"a": 0}


@pytest.mark.parametrize("rule", [balanced, partial(erk, shapes=SHAPES)])
def test_a_later_round_keeps_what_the_earlier_one_kept(rule: Allocation) -> None:
    generator = torch.Generator().manual_seed(0)
    scores = {name: torch.rand(len(s), generator=generator) for name, s in zeros(SHAPES).items()}
    first = select(scores, rule(scores, 0.4, 0))
    left = {name: torch.full_like(s, -INF).index_copy(0, first[name], s[first[name]]) for name, s in scores.items()}
    again, once = select(left, rule(left, 0.15, 0)), select(scores, rule(scores, 0.15, 0))
    assert all(torch.equal(again[name], once[name]) for name in scores)


@pytest.mark.parametrize("allocation", ["erk", "balanced"])
def test_random_pruning_by_name(allocation: str) -> None:
    network = registry.load("network", "lenet5")(10, 1)
    asked = {"criterion": "random", "granularity": "weight", "target": compression(8)}
    done = prune(network, torch.zeros(1, 1, 28, 28), allocation=allocation, **asked).fairprune
    assert done.on_target
    shares = {name: sum(network.get_submodule(name).weight.shape) if allocation == "erk" else 1 for name in done.kept}
    levels = [kept / shares[name] for name, (kept, size) in done.kept.items() if kept < size]
    assert len(levels) > 1
    assert max(levels) == pytest.approx(min(levels), rel=0.02)


def test_channels_can_be_balanced_but_have_no_erk() -> None:
    network = registry.load("network", "lenet5")(10, 1)
    asked = {"criterion": "random", "granularity": "channel", "target": ratio(0.5)}
    small = prune(network, torch.zeros(1, 1, 28, 28), allocation="balanced", **asked)
    assert list(small.fairprune.kept.values()) == [(6, 6), (16, 16), (46, 120), (45, 84)]
    with pytest.raises(PruneError, match=r"allocation 'erk' .* granularity 'channel': expected granularity 'weight'"):
        prune(network, torch.zeros(1, 1, 28, 28), allocation="erk", **asked)
