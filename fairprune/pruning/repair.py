"""The contract of a repair: new weights for what pruning has kept, before anything is retrained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from fairprune.pruning.criterion import Check, Context, Granularity, Need, check_granularities, check_needs, options_of

Remaining = Mapping[str, Tensor]  # layer name -> bool, of the weight's shape: what pruning leaves of it


@dataclass(frozen=True)
class Repair:
    """A function that mends layers after units were chosen, with what it needs, its source, and where it applies.

    `check` is as that of a criterion: it refuses layers that the repair cannot work on.
    """

    name: str
    function: Callable[..., Mapping[str, Tensor]]
    needs: tuple[Need, ...]
    paper: str
    granularities: tuple[Granularity, ...]
    options: Mapping[str, Any]
    check: Check | None = None

    def __call__(self, context: Context, remaining: Remaining, **options: Any) -> Mapping[str, Tensor]:
        """New weights of layers, of the dense shapes; what is not `remaining` is ignored."""
        return self.function(context, remaining, **options)


def repair(
    *,
    needs: tuple[Need, ...] = (),
    paper: str,
    granularities: tuple[Granularity, ...] = ("weight", "channel"),
    check: Check | None = None,
) -> Callable[[Callable[..., Mapping[str, Tensor]]], Repair]:
    """Declare a repair: a function of a Context, of what remains, and of keyword-only options with defaults.

    The context has the weights before pruning, of all layers that lose something, and the needs that are declared. With
    the need "taps", layers are mended one after the other, in order, each on what the pruned ones before it yield.
    """
    check_needs("repair", needs)
    check_granularities("repair", granularities)

    def declare(function: Callable[..., Mapping[str, Tensor]]) -> Repair:
        return Repair(
            function.__name__,
            function,
            needs,
            paper,
            granularities,
            options_of(function, "context", "remaining"),
            check,
        )

    return declare
