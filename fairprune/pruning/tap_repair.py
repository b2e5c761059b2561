"""Repairs that read taps, applied to one layer at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, get_args

import torch
from torch import Tensor, nn

from fairprune import seeds
from fairprune.errors import PruneError
from fairprune.pruning.answers import checked_weights
from fairprune.pruning.criterion import Context, Need, Tap, Undeclared
from fairprune.pruning.granularity.channels import ChannelSpace
from fairprune.pruning.mending import check_applies
from fairprune.pruning.repair import Repair
from fairprune.pruning.space import Kept

# Network before pruning, layer, its tap, what remains of its weight -> its new weight, zero where nothing remains.
Mend: TypeAlias = Callable[[nn.Module, str, Tap, Tensor], Tensor]


def mending(repair: Repair, options: Mapping[str, Any], seed: int) -> Mend:
    """A repair that needs taps and nothing else, with its options.

    A layer that the repair leaves out stays as its tap shows it. Raises SpecError for an unknown option, PruneError
    for a repair with other needs or not for channels, and, when applied, for a weight of another layer or shape, or
    that is not finite.
    """
    check_applies(repair, options, "channel")
    if repair.needs != ("taps",):
        raise PruneError(f"repair '{repair.name}' needs {list(repair.needs)}: layer after layer there are only taps")

    def mend(network: nn.Module, layer: str, tap: Tap, remaining: Tensor) -> Tensor:
        weight = network.get_submodule(layer).get_parameter("weight").detach()
        needs: dict[str, Any] = {need: Undeclared(repair.name, need, "repair") for need in get_args(Need)}
        generator = seeds.generator("repair", seed, layer)
        context = Context({layer: weight.clone()}, generator, "channel", **{**needs, "taps": {layer: tap}})
        found = repair(context, {layer: remaining}, **options)
        checked = checked_weights(f"repair '{repair.name}'", found, {layer: weight.shape})
        return checked.get(layer, tap.weight.reshape(weight.shape)).to(weight) * remaining

    return mend


def remaining_inputs(space: ChannelSpace, kept: Kept, layer: str, weight: Tensor) -> Tensor:
    """What a layer's weight still reads, bool, of the weight's shape. Its own outputs are not looked at."""
    remaining = torch.ones_like(weight, dtype=torch.bool)
    places = space.plan(kept).kept.get(f"{layer}/in")
    if places is not None:
        remaining[:] = False
        remaining[:, places.to(weight.device)] = True
    return remaining
