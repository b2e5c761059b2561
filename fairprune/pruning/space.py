"""What can be pruned: groups of units, and what keeping some of them costs. One interface for every granularity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor

from fairprune.pruning.plan import Plan
from fairprune.record import Size

Scores = Mapping[str, Tensor]  # layer name -> tensor of the weight's shape, or one number per output unit [out]
Counts = Mapping[str, int]  # group name -> units kept
Kept = Mapping[str, Tensor]  # group name -> sorted int64 indices of the units kept, shape [count]


@dataclass(frozen=True)
class Group:
    """Units that are alike: each costs the same. A layer's weights, coupled channels, blocks of one stage."""

    name: str
    size: int
    layers: tuple[
        str, ...
    ]  # the layers whose scores rank these units (weights: the layer; channels: the producers; blocks: all)


class Space(Protocol):
    """The prunable units of one network at one granularity."""

    @property
    def granularity(self) -> Literal["weight", "channel", "block"]:
        """What a unit is."""
        ...

    @property
    def groups(self) -> tuple[Group, ...]:
        """Groups in the order in which ties are broken."""
        ...

    @property
    def minimum(self) -> int:
        """Units that every group keeps: 1 where removal is physical, 0 for masks."""
        ...

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers whose scores are needed."""
        ...

    @property
    def batch_norm_of(self) -> Mapping[str, str]:
        """Layer -> the batch norm directly behind it, where its scale ranks the same units."""
        ...

    @property
    def held(self) -> tuple[str, ...]:
        """Operations, in words, for whose sake some of what could be units has to stay."""
        ...

    def group_scores(self, scores: Scores, reduce: str) -> Mapping[str, Tensor]:
        """One floating-point score per unit of every group, shape [size], from those of layers. -inf: gone already."""
        ...

    def size(self, counts: Counts) -> Size:
        """Parameters and multiply-adds of the whole network if each group kept that many units. Analytic."""
        ...

    def plan(self, kept: Kept) -> Plan:
        """The plan that keeps exactly these units."""
        ...
