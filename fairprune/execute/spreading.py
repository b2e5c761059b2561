"""The allocation that a stage's spec names, bound to its network."""

from __future__ import annotations

from typing import Any

from fairprune import registry
from fairprune.execute.workshop import Workshop
from fairprune.pruning.allocation import Allocation
from fairprune.pruning.bind import bind
from fairprune.pruning.space import Space
from fairprune.record import StageResult


def allocation_of(workshop: Workshop, space: Space, spec: Any, parents: tuple[StageResult, ...]) -> Allocation:
    """The allocation of a stage. For `like`, the third parent is the pruned network whose amounts are taken."""
    function = registry.load("allocation", spec["allocation"], workshop.folder)
    lent: Any = parents[2].info["kept"] if spec["allocation"] == "like" else None
    counts = {group: kept for group, (kept, _) in lent.items()} if lent is not None else None
    return bind(spec["allocation"], function, space, ratios=spec["ratios"], counts=counts)
