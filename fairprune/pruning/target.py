"""Reaching a target: how much to keep so that parameters, multiply-adds or units come out as asked."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from fairprune.errors import PruneError, SpecError
from fairprune.pruning.allocation import Allocation, GroupScores, select
from fairprune.pruning.space import Counts, Kept, Space
from fairprune.record import Size
from fairprune.spec import Target

TOLERANCE = 0.01  # what counts as on target
NAMED = 3  # operations that a message names
NEAR = 1e-6  # of the goal: where the search stops; the unit next to it costs more, unless there are millions


@dataclass(frozen=True)
class Choice:
    """What is kept. `achieved` is on the target's axis; `keep` is the fraction that the allocation was asked for."""

    counts: Counts
    kept: Kept
    size: Size
    achieved: float
    on_target: bool
    keep: float


def reach(
    space: Space, scores: GroupScores, allocation: Allocation, target: Target, dense: Size, units: int | None = None
) -> Choice:
    """The choice that comes closest to the target. `dense` is the size that compression and speedup are relative to.

    Only `space.size` is asked, never the network. On the ratio axis the allocation is taken at its word, rounding rule
    included; `units` is the number of units of the dense network, if the space is of a smaller one. On the others,
    `keep` is bisected, and where several groups change at one point, they change one after the other, in order.
    A target is met within 1 %, or, for ratios, to less than one unit per group; of blocks, which are few, to less than
    one in all. Coarse units may leave every choice further off: the closest is made, and is not on target. Raises
    SpecError for a target that means nothing, PruneError for one beyond reach; a fixed allocation (`like`) reaches what
    it reaches.
    """
    best = _closest(space, scores, allocation, target, dense, units)
    return Choice(best.counts, select(scores, best.counts), best.size, best.achieved, best.on_target, best.keep)


def reach_counts(
    space: Space, scores: GroupScores, allocation: Allocation, target: Target, dense: Size, units: int | None = None
) -> Counts:
    """How many units each group keeps in the choice that `reach` makes."""
    return _closest(space, scores, allocation, target, dense, units).counts


def check_target(target: Target) -> None:
    """Raise SpecError for a target that cannot mean anything."""
    if target.nonsense:
        raise SpecError(target.nonsense)


def check_removable(space: Space) -> None:
    """Raise PruneError where there is nothing to remove."""
    if not space.groups:
        raise PruneError(f"there are no {space.granularity}s to remove{_held(space)}")


def check_reachable(space: Space, target: Target, dense: Size, units: int | None = None) -> None:
    """Raise PruneError for a target that even removing everything prunable does not reach; scores are not needed."""
    check_removable(space)
    counts = {group.name: min(space.minimum, group.size) for group in space.groups}
    end = _Point(_Asked(space, target, dense, _units(space) if units is None else units), 0.0, counts)
    if end.achieved < target.value and not end.on_target:
        raise _beyond(target, end.achieved, "with everything prunable removed", _held(space))


def _closest(
    space: Space, scores: GroupScores, allocation: Allocation, target: Target, dense: Size, units: int | None
) -> _Point:
    check_target(target)
    check_reachable(space, target, dense, units)
    total = _units(space) if units is None else units
    asked = _Asked(space, target, dense, total)

    def at(keep: float) -> _Point:
        return _Point(asked, keep, allocation(scores, keep, space.minimum))

    least, most = at(0.0), at(1.0)
    if least.counts != most.counts and least.achieved < target.value and not least.on_target:
        raise _beyond(target, least.achieved, "with all removed that this allocation removes")
    if target.axis == "ratio":
        return at(min((1 - target.value) * total / _units(space), 1.0))
    # after earlier rounds a ranking keeps all that is left from less than 1 on, and cost is linear up to there
    left = at(sum(most.counts.values()) / _units(space))
    return _bisect(at, least, left if left.counts == most.counts else most)


def _beyond(target: Target, most: float, how: str, why: str = "") -> PruneError:
    shown = math.floor(most * 1e4) / 1e4  # rounded down, so that what is shown can be asked for
    reached = f"{shown:g}{'' if target.axis == 'ratio' else 'x'}"
    return PruneError(f"target {target} is out of reach: {how} it is {reached}{why}")


def _held(space: Space) -> str:
    """Why not everything can be removed, of what is known: the first operations for whose sake it stays."""
    if not space.held:
        return ""
    more = f" and {len(space.held) - NAMED} more" if len(space.held) > NAMED else ""
    return f"; {space.granularity}s that reach {', '.join(space.held[:NAMED])}{more} have to stay"


def _units(space: Space) -> int:
    return sum(group.size for group in space.groups)


@dataclass(frozen=True)
class _Asked:
    """What everything is compared with."""

    space: Space
    target: Target
    dense: Size
    units: int


@dataclass(frozen=True)
class _Point:
    """One way to prune, and how it compares with what was asked."""

    asked: _Asked
    keep: float
    counts: Counts

    @cached_property
    def size(self) -> Size:
        return self.asked.space.size(self.counts)

    @cached_property
    def cost(self) -> int:
        """What the target bounds: parameters, multiply-adds, or units."""
        if self.asked.target.axis == "ratio":
            return sum(self.counts.values())
        return self.size.params if self.asked.target.axis == "compression" else self.size.macs

    @cached_property
    def goal(self) -> float:
        """What the cost should be."""
        axis, value = self.asked.target.axis, self.asked.target.value
        if axis == "ratio":
            return (1 - value) * self.asked.units
        return (self.asked.dense.params if axis == "compression" else self.asked.dense.macs) / value

    @cached_property
    def achieved(self) -> float:
        """The target's value at this point."""
        axis = self.asked.target.axis
        if axis == "ratio":
            return 1 - self.cost / self.asked.units
        return (self.asked.dense.params if axis == "compression" else self.asked.dense.macs) / max(self.cost, 1)

    @property
    def off(self) -> float:
        return abs(self.cost - self.goal)

    @property
    def on_target(self) -> bool:
        value = self.asked.target.value
        near = abs(self.achieved - value) <= TOLERANCE * value
        rounding = 1 if self.asked.space.granularity == "block" else len(self.counts)
        return near or (self.asked.target.axis == "ratio" and self.off < rounding)


def _bisect(at: Callable[[float], _Point], low: _Point, high: _Point) -> _Point:
    """The point closest to the goal between one that keeps least and one that keeps most.

    Interpolation and halving take turns: the first is exact where cost is linear, the second always converges.
    """
    for step in range(200):
        if low.cost >= low.goal:
            return low
        if high.cost <= high.goal:
            return high
        if sum(high.counts.values()) - sum(low.counts.values()) <= 1 or high.keep - low.keep < 1e-15:
            break
        share = 0.5 if step % 2 else (low.goal - low.cost) / (high.cost - low.cost)
        middle = at(low.keep + share * (high.keep - low.keep))
        if middle.off <= max(0.5, NEAR * middle.goal):
            return middle
        low, high = (middle, high) if middle.cost < middle.goal else (low, middle)
    return _between(low, high)


def _between(low: _Point, high: _Point) -> _Point:
    """The closest on the way from one point to the next: groups go over one after the other, in order."""
    best, counts = low, dict(low.counts)
    for name, count in high.counts.items():
        if counts[name] != count:
            counts[name] = count
            point = _Point(low.asked, high.keep, dict(counts))
            best = min(best, point, key=lambda p: p.off)
    return best
