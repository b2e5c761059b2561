"""Widths in multiples: hardware and runtimes work on channels in blocks, so 24 of them may be faster than 23."""

from __future__ import annotations

from fairprune.errors import PruneError, SpecError
from fairprune.pruning.allocation import Allocation, GroupScores
from fairprune.pruning.space import Counts, Space


def in_multiples(allocate: Allocation, of: int, space: Space) -> Allocation:
    """An allocation whose counts are rounded to multiples of `of`: to the nearest, of two the larger.

    No group falls to nothing, and one may stay whole whatever its size. Counts remain monotone in what is kept, so
    targets are found as before; widths are coarser, so they are met less exactly. Raises SpecError for a multiple
    below 1, PruneError for units that are not channels, whose number no runtime asks for, or where none are as many.
    """
    if of < 1:
        raise SpecError(f"widths in multiples of {of}: expected a whole number from 1 on, such as 8")
    if of > 1 and space.granularity != "channel":
        raise PruneError(f"widths in multiples of {of}: channels have widths, {space.granularity}s have none")

    widest = max((group.size for group in space.groups), default=0)
    if of > widest > 0:
        raise PruneError(f"widths in multiples of {of}: the widest layer that can be pruned has {widest} channels")

    def counts(scores: GroupScores, keep: float, minimum: int) -> Counts:
        found = allocate(scores, keep, minimum)
        return {name: _nearest(count, of, len(scores[name])) for name, count in found.items()}

    return counts if of > 1 else allocate


def _nearest(count: int, of: int, size: int) -> int:
    lower = count // of * of
    upper = min(lower + of, size)
    return upper if lower == 0 or upper - count <= count - lower else lower
