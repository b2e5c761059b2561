"""What pruning by ratio costs, ratio after ratio: by arithmetic, before anything is removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fairprune.pruning.allocation import Allocation, GroupScores, select
from fairprune.pruning.plan import Plan
from fairprune.pruning.space import Counts, Space
from fairprune.pruning.target import Choice, reach
from fairprune.record import Size
from fairprune.spec import Target

RATIOS = tuple(tenth / 10 for tenth in range(1, 10))


@dataclass(frozen=True)
class Point:
    """The network at one ratio: what was asked to be removed, what each group keeps, and what that costs."""

    ratio: float
    counts: Counts
    size: Size


@dataclass(frozen=True)
class Curve:
    """How parameters and multiply-adds fall with the fraction of units that an allocation is asked to remove."""

    space: Space
    scores: GroupScores
    allocate: Allocation
    dense: Size
    points: tuple[Point, ...]

    @property
    def sizes(self) -> Counts:
        """Group -> units of the dense network."""
        return {group.name: group.size for group in self.space.groups}

    def compression(self, point: Point) -> float:
        """Parameters before over parameters kept."""
        return self.dense.params / max(point.size.params, 1)

    def speedup(self, point: Point) -> float:
        """Theoretical: multiply-adds before over multiply-adds kept."""
        return self.dense.macs / max(point.size.macs, 1)

    def plan(self, point: Point) -> Plan:
        """What is kept at a point, to be applied to the network."""
        return self.space.plan(select(self.scores, point.counts))

    def reaching(self, target: Target) -> Choice:
        """The choice that comes closest to a target; its ratio is 1 - `keep`. Raises PruneError beyond reach."""
        return reach(self.space, self.scores, self.allocate, target, self.dense)


def curve(space: Space, scores: GroupScores, allocate: Allocation, ratios: Sequence[float] = RATIOS) -> Curve:
    """The curve of a dense network's space. Ratios are the fractions REMOVED; every group keeps its minimum."""
    counts = [allocate(scores, 1 - ratio, space.minimum) for ratio in ratios]
    points = tuple(Point(ratio, kept, space.size(kept)) for ratio, kept in zip(ratios, counts, strict=True))
    dense = space.size({group.name: group.size for group in space.groups})
    return Curve(space, scores, allocate, dense, points)


def crossing(ratios: Sequence[float], speedups: Sequence[float], wanted: float) -> float | None:
    """Where measured speedups first reach the one wanted, between two ratios in proportion; None where they do not.

    Ratio 0 is the dense network, at speedup 1.
    """
    before = (0.0, 1.0)
    for ratio, speedup in zip(ratios, speedups, strict=True):
        if speedup >= wanted > before[1]:
            share = (wanted - before[1]) / (speedup - before[1])
            return before[0] + share * (ratio - before[0])
        before = (ratio, speedup)
    return None
