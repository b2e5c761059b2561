"""Scores of one group of channels at a time: what a criterion of scope "sequence" sees, and what it may answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import torch
from torch import Tensor, nn

from fairprune import seeds
from fairprune.errors import PruneError
from fairprune.pruning.answers import finite
from fairprune.pruning.criterion import Context, Criterion, Need, Tap, Undeclared
from fairprune.pruning.granularity.channels import ChannelSpace


def context_of(
    criterion: Criterion,
    space: ChannelSpace,
    index: int,
    network: nn.Module,
    taps: Mapping[str, Tap],
    count: int,
    seed: int,
) -> Context:
    """What a criterion sees of the group of that index.

    `weights` are those of the layers that make the group, cut to its channels: [channels, in, ...], in the order of the
    units. The criterion answers with scores of shape [channels] for each of these layers, or of the weight's shape.
    """
    weights = {}
    for layer in space.groups[index].layers:
        weight = network.get_submodule(layer).get_parameter("weight").detach().transpose(0, space.producers[layer])
        weights[layer] = weight[_places(space, index, layer).to(weight.device)]
    needs: dict[str, Any] = {need: Undeclared(criterion.name, need) for need in get_args(Need)}
    if "taps" in criterion.needs:
        needs["taps"] = taps
    generator = seeds.generator("criterion", seed, space.groups[index].name)
    return Context(weights=weights, generator=generator, granularity="channel", count=count, **needs)


def unit_scores(
    criterion: Criterion,
    options: Mapping[str, Any],
    context: Context,
    space: ChannelSpace,
    index: int,
    reduce: str,
) -> Tensor:
    """The scores of one group's units, [size], fp64 on the CPU; `reduce` joins the channels that make up a unit.

    Raises PruneError for scores of other names or shapes, or that are not finite, and for new weights.
    """
    who, found = f"criterion '{criterion.name}'", criterion(context, **options)
    if found.weights:
        raise PruneError(f"{who} returned weights: under scope 'sequence' these come from a repair")
    if not isinstance(found.scores, Mapping) or found.scores.keys() != context.weights.keys():
        got = ", ".join(found.scores) if isinstance(found.scores, Mapping) else type(found.scores).__name__
        raise PruneError(f"{who}: expected scores of the layers {', '.join(context.weights)}, got {got or 'none'}")
    every = {layer: torch.zeros(len(space.units.sides[f"{layer}/out"]), dtype=torch.float64) for layer in space.layers}
    for name, weight in context.weights.items():
        score = finite(who, f"scores of layer '{name}'", found.scores[name], [weight.shape, weight.shape[:1]])
        every[name][_places(space, index, name)] = score.double().reshape(len(score), -1).sum(1)
    return space.group_scores(every, reduce)[space.groups[index].name]


def _places(space: ChannelSpace, index: int, layer: str) -> Tensor:
    """Positions of a layer's output that belong to the group, in the order of the units."""
    return torch.from_numpy(space.units.positions(index, f"{layer}/out")).flatten()
