"""What a target leaves, asked again and again: for methods that move towards it while they train."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from torch import Tensor

from fairprune.errors import PruneError
from fairprune.pruning.allocation import Allocation, select
from fairprune.pruning.space import Kept, Space
from fairprune.pruning.target import reach
from fairprune.pruning.training_method import Choose
from fairprune.record import Size
from fairprune.spec import Target


def choose_for(space: Space, allocate: Allocation, target: Target, dense: Size, reduce: str = "mean") -> Choose:
    """The choice by an allocation on the way to a target: at share 1 exactly that of one-shot pruning.

    Before that the allocation is asked to remove `share` of the fraction of units that it removes in the end; one that
    removes the same whatever it is asked (`like`) goes that share of the way in every group.
    """

    def choose(scores: Mapping[str, Tensor], share: float = 1.0) -> Kept:
        grouped = space.group_scores(scores, reduce)
        end = reach(space, grouped, allocate, target, dense)
        if share >= 1:
            return end.kept
        counts = allocate(grouped, 1 - share * (1 - end.keep), space.minimum)
        if allocate(grouped, 1.0, space.minimum) == end.counts:  # amounts that are fixed, whatever is asked for
            counts = {name: len(s) - round(share * (len(s) - end.counts[name])) for name, s in grouped.items()}
        return select(grouped, counts)

    return choose


def target_unknown(scores: Mapping[str, Tensor], share: float = 1.0) -> NoReturn:  # noqa: ARG001
    """Stands for `choose` where one training serves all targets."""
    raise PruneError("this method reads the target while it trains without saying so: declare bound=True")
