from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import pytest
import torch
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

from fairprune.errors import PruneError, SpecError
from fairprune.pruning.allocation import GroupScores, given, global_, like, uniform
from fairprune.pruning.plan import DensePlan
from fairprune.pruning.space import Counts, Group, Kept, Scores
from fairprune.pruning.target import check_reachable, check_target, reach, reach_counts
from fairprune.record import Size
from fairprune.spec import Target

FIXED = Size(params=10, macs=0)


@dataclass(frozen=True)
class Toy:
    """Groups of units with prices, (parameters, multiply-adds) each; neighbours multiply, as channels do."""

    sizes: tuple[int, ...]
    prices: tuple[tuple[int, int], ...]
    fixed: Size = FIXED
    coupled: bool = False
    minimum: int = 0
    granularity: Literal["weight", "channel", "block"] = "weight"
    held: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[Group, ...]:
        return tuple(Group(f"g{i}", n, (f"g{i}",)) for i, n in enumerate(self.sizes))

    def group_scores(self, scores: Scores, reduce: str) -> Mapping[str, Tensor]:  # noqa: ARG002
        return scores

    def size(self, counts: Counts) -> Size:
        kept = [counts[group.name] for group in self.groups]
        before = [1, *kept[:-1]] if self.coupled else [1] * len(kept)
        return Size(
            params=self.fixed.params + sum(n * b * p for n, b, (p, _) in zip(kept, before, self.prices, strict=True)),
            macs=self.fixed.macs + sum(n * b * m for n, b, (_, m) in zip(kept, before, self.prices, strict=True)),
        )

    def plan(self, kept: Kept) -> DensePlan:  # noqa: ARG002
        return DensePlan()

    @property
    def dense(self) -> Size:
        return self.size({group.name: group.size for group in self.groups})

    def scores(self, seed: int = 0) -> GroupScores:
        generator = torch.Generator().manual_seed(seed)
        return {group.name: torch.rand(group.size, generator=generator) for group in self.groups}


WEIGHTS = Toy((400, 900, 700), ((1, 64), (1, 16), (1, 1)))
CHANNELS = Toy((16, 32, 64), ((9, 9 * 64), (9, 9 * 16), (9, 9 * 4)), coupled=True, minimum=1, granularity="channel")


def target(axis: Literal["compression", "speedup", "ratio"], value: float) -> Target:
    return Target(axis=axis, value=value)


@pytest.mark.parametrize("value", [1.0, 1.01, 1.7, 2.0, 3.3, 10.0, 50.0, 100.0, 200.0])
def test_global_compression_of_weights_is_exact_to_the_unit(value: float) -> None:
    asked = WEIGHTS, WEIGHTS.scores(), global_, target("compression", value), WEIGHTS.dense
    found = reach(*asked)
    assert reach_counts(*asked) == found.counts
    assert abs(found.size.params - WEIGHTS.dense.params / value) <= 0.5
    assert found.on_target
    assert found.achieved == WEIGHTS.dense.params / found.size.params


@settings(max_examples=40, deadline=None)
@for_all(st.floats(1, 40), st.integers(0, 50))
def test_global_speedup_is_the_closest_of_all_rankings(value: float, seed: int) -> None:
    """An oracle by brute force: of the 200 networks that the ranking can leave, none comes closer."""
    toy = Toy((40, 90, 70), ((1, 64), (1, 16), (1, 1)), Size(params=5, macs=50))
    scores = toy.scores(seed)
    found = reach(toy, scores, global_, target("speedup", value), toy.dense)
    goal = toy.dense.macs / value
    every = [toy.size(global_(scores, k / 200, 0)).macs for k in range(201)]
    assert abs(found.size.macs - goal) == pytest.approx(min(abs(macs - goal) for macs in every))


@pytest.mark.parametrize("axis", ["compression", "speedup"])
@pytest.mark.parametrize("value", [1.1, 1.5, 2.0, 3.0, 5.0])
@pytest.mark.parametrize("rule", [global_, uniform, partial(given, ratios={"g0": 0.4, "g1": 0.8, "g2": 0.8})])
@pytest.mark.parametrize("toy", [WEIGHTS, CHANNELS])
def test_targets_are_met_to_within_a_percent(toy: Toy, rule: object, value: float, axis: object) -> None:
    found = reach(toy, toy.scores(), rule, Target(axis=axis, value=value), toy.dense)  # type: ignore[arg-type]
    assert found.on_target == (abs(found.achieved / value - 1) <= 0.01)
    assert abs(found.achieved / value - 1) <= (0.01 if toy is WEIGHTS else 0.05)
    assert found.size == toy.size(found.counts)
    assert {name: len(kept) for name, kept in found.kept.items()} == dict(found.counts)


def test_uniform_stays_within_a_unit_of_uniform_and_comes_closer_for_it() -> None:
    toy = Toy((16,) * 12, ((9, 9),) * 12, coupled=True, minimum=1)
    found = reach(toy, toy.scores(), uniform, target("speedup", 2.0), toy.dense)
    steps = [toy.dense.macs / toy.size(uniform(toy.scores(), k / 16, 1)).macs for k in range(1, 17)]
    assert min(abs(step / 2 - 1) for step in steps) > 0.01  # equal counts everywhere cannot meet it
    assert found.on_target
    assert max(found.counts.values()) - min(found.counts.values()) == 1


def test_what_is_off_target_says_so() -> None:
    toy = Toy((3,), ((100, 100),))
    found = reach(toy, toy.scores(), global_, target("compression", 1.25), toy.dense)
    assert (found.size.params, found.on_target) == (210, False)  # 210 is closer to 310 / 1.25 = 248 than 310
    assert found.achieved == 310 / 210


def test_blocks_are_too_coarse_for_a_unit_per_group() -> None:
    """27 blocks as those of ResNet-56: rounded up group by group, a tenth becomes a fifth, and that is off target."""
    blocks = Toy((9, 1, 8, 1, 8), ((100, 100),) * 5, granularity="block")
    tenth = target("ratio", 0.1)
    rounded = reach(blocks, blocks.scores(), uniform, tenth, blocks.dense)
    assert rounded.achieved == pytest.approx(5 / 27)
    assert not rounded.on_target
    ranked = reach(blocks, blocks.scores(), global_, tenth, blocks.dense)
    assert ranked.achieved == pytest.approx(3 / 27)  # 2.7 cannot be removed
    assert ranked.on_target
    channels = Toy((9, 1, 8, 1, 8), ((100, 100),) * 5, granularity="channel")
    assert reach(channels, channels.scores(), uniform, tenth, channels.dense).on_target


def test_of_coarse_units_the_closest_choice_is_made_and_is_off_target() -> None:
    blocks = Toy((9, 9, 9), ((100, 40), (400, 40), (1600, 40)), granularity="block")
    for value in (1.25, 1.5, 2.0, 4.0):
        found = reach(blocks, blocks.scores(), global_, target("compression", value), blocks.dense)
        every = [blocks.size(global_(blocks.scores(), k / 27, 0)).params for k in range(28)]
        goal = blocks.dense.params / value
        assert abs(found.size.params - goal) == pytest.approx(min(abs(params - goal) for params in every))
        assert found.on_target == (abs(found.achieved / value - 1) <= 0.01)


def test_ratios_follow_the_rule_of_the_allocation() -> None:
    scores = CHANNELS.scores()
    found = reach(CHANNELS, scores, uniform, target("ratio", 0.3), CHANNELS.dense)
    assert found.counts == {"g0": 11, "g1": 22, "g2": 44}  # ceil(4.8), ceil(9.6), ceil(19.2) removed
    assert found.on_target  # off by less than one unit per group, which rounding cannot avoid
    assert found.achieved == pytest.approx(1 - 77 / 112)
    assert reach(CHANNELS, scores, uniform, target("ratio", 0.0), CHANNELS.dense).counts == {
        "g0": 16,
        "g1": 32,
        "g2": 64,
    }
    assert sum(reach(WEIGHTS, WEIGHTS.scores(), global_, target("ratio", 0.9), WEIGHTS.dense).counts.values()) == 200
    assert reach(
        Toy((100,), ((1, 1),)), {"g0": torch.rand(100)}, uniform, target("ratio", 0.07), Size(params=1, macs=1)
    ).counts == {"g0": 93}


def test_ratios_of_a_network_that_is_already_smaller_count_the_dense_units() -> None:
    found = reach(WEIGHTS, WEIGHTS.scores(), global_, target("ratio", 0.75), WEIGHTS.dense, units=4000)
    assert (sum(found.counts.values()), found.achieved, found.on_target) == (1000, 0.75, True)


def test_given_amounts_are_used_as_stated_where_they_meet_the_target() -> None:
    rule = partial(given, ratios={"g0": 0.5, "g1": 0.25, "g2": 0.0})
    stated = given(CHANNELS.scores(), 1 - 16 / 112, 1, ratios=rule.keywords["ratios"])
    assert stated == {"g0": 8, "g1": 24, "g2": 64}
    assert reach(CHANNELS, CHANNELS.scores(), rule, target("ratio", 0.143), CHANNELS.dense).counts == stated


def test_like_reaches_what_it_reaches() -> None:
    rule = partial(like, counts={"g0": 4, "g1": 5, "g2": 6})
    for axis, value in (("compression", 2.0), ("speedup", 3.0), ("ratio", 0.5), ("compression", 120.0)):
        found = reach(WEIGHTS, WEIGHTS.scores(), rule, Target(axis=axis, value=value), WEIGHTS.dense)  # type: ignore[arg-type]
        assert found.counts == {"g0": 4, "g1": 5, "g2": 6}
        assert not found.on_target
    exact = WEIGHTS.dense.params / 25
    assert reach(WEIGHTS, WEIGHTS.scores(), rule, target("compression", exact), WEIGHTS.dense).on_target


@settings(max_examples=40, deadline=None)
@for_all(st.floats(1, 20), st.floats(1, 20), st.sampled_from([WEIGHTS, CHANNELS]))
def test_kept_units_are_nested_as_targets_grow(one: float, two: float, toy: Toy) -> None:
    less = reach(toy, toy.scores(), global_, target("compression", max(one, two)), toy.dense)
    more = reach(toy, toy.scores(), global_, target("compression", min(one, two)), toy.dense)
    assert less.size.params <= more.size.params
    assert all(set(less.kept[name].tolist()) <= set(more.kept[name].tolist()) for name in less.kept)


def test_only_the_analytic_size_is_asked_and_not_often() -> None:
    calls = 0

    def counting(scores: GroupScores, keep: float, minimum: int) -> Counts:
        nonlocal calls
        calls += 1
        return global_(scores, keep, minimum)

    reach(WEIGHTS, WEIGHTS.scores(), counting, target("compression", 7.3), WEIGHTS.dense)
    assert calls <= 4  # both ends, and one interpolation: compression of weights is linear
    calls = 0
    scores = {name: s.where(s > 0.4, -math.inf) for name, s in WEIGHTS.scores().items()}  # earlier rounds have pruned
    found = reach(WEIGHTS, scores, counting, target("compression", 2.1), WEIGHTS.dense)
    assert calls <= 4  # as few
    assert abs(found.size.params - WEIGHTS.dense.params / 2.1) <= 0.5
    calls = 0
    reach(WEIGHTS, WEIGHTS.scores(), counting, target("speedup", 7.3), WEIGHTS.dense)
    assert calls <= 30


@pytest.mark.parametrize(
    ("axis", "value", "message"),
    [
        ("compression", 0.9, r"target compression 0.9x: expected 1 or more"),
        ("speedup", -2.0, r"target speedup -2x: expected 1 or more"),
        ("ratio", 1.0, r"target ratio 1: expected the fraction of units removed, from 0 to below 1"),
        ("ratio", -0.1, r"target ratio -0.1: expected the fraction of units removed"),
    ],
)
def test_meaningless_targets_are_refused(axis: object, value: float, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        check_target(Target(axis=axis, value=value))  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=message):
        reach(WEIGHTS, {}, global_, Target(axis=axis, value=value), WEIGHTS.dense)  # type: ignore[arg-type]


@pytest.mark.parametrize("axis", ["compression", "speedup", "ratio"])
def test_nothing_to_remove_is_said_with_what_holds_it(axis: Literal["compression", "speedup", "ratio"]) -> None:
    """Whatever the axis, and where there is something but too little, too."""
    held = Toy((), (), granularity="channel", held=("a", "b", "c", "d"))
    with pytest.raises(
        PruneError, match=r"no channels to remove; channels that reach a, b, c and 1 more have to stay$"
    ):
        check_reachable(held, target(axis, 0.5 if axis == "ratio" else 2), held.dense)
    some = replace(CHANNELS, held=("a",))
    with pytest.raises(PruneError, match=r"out of reach: .* it is \d+.*x; channels that reach a have to stay$"):
        check_reachable(some, target("speedup", 1e6), some.dense)


def test_targets_beyond_reach_are_refused_with_the_most_there_is() -> None:
    most = r"target compression 500x is out of reach: with everything prunable removed it is 201x"  # 2010 / 10
    with pytest.raises(PruneError, match=most):
        check_reachable(WEIGHTS, target("compression", 500), WEIGHTS.dense)
    with pytest.raises(PruneError, match=most):
        reach(WEIGHTS, {}, global_, target("compression", 500), WEIGHTS.dense)
    check_reachable(WEIGHTS, target("compression", 201), WEIGHTS.dense)
    some = partial(given, ratios={"g0": 0.0, "g1": 0.9, "g2": 0.1})
    with pytest.raises(PruneError, match=r"with all removed that this allocation removes it is 4.9024x"):
        reach(WEIGHTS, WEIGHTS.scores(), some, target("compression", 10), WEIGHTS.dense)
    tiny = Toy((3, 3), ((1, 1), (1, 1)), minimum=2)
    with pytest.raises(PruneError, match=r"target ratio 0.9 is out of reach: .* it is 0.3333$"):
        reach(tiny, tiny.scores(), uniform, target("ratio", 0.9), tiny.dense)
