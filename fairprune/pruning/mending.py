"""Mending: a repair applied to the layers that lose something, all at once, before anything is retrained."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import torch
from torch import Tensor, nn

from fairprune import seeds
from fairprune.errors import PruneError, SpecError, unknown
from fairprune.pruning.answers import checked_weights
from fairprune.pruning.calibration import Batches, Loss, Source, untouched, weights_of
from fairprune.pruning.criterion import Criterion, Granularity, Need, Undeclared
from fairprune.pruning.granularity.modules import CONVOLUTIONS, TRANSPOSED
from fairprune.pruning.granularity.remove import RESIZE
from fairprune.pruning.layout import shown, stored
from fairprune.pruning.masks import masked
from fairprune.pruning.needs.contexts import contexts, gather
from fairprune.pruning.plan import BlockPlan, ChannelPlan, DensePlan, MaskPlan, Plan
from fairprune.pruning.repair import Repair

WEIGHTED = (nn.Linear, *CONVOLUTIONS, *TRANSPOSED)


@dataclass(frozen=True)
class Mended:
    """New weights of layers, of the shapes before pruning, on the CPU; and what looking cost (as in Scoring)."""

    weights: dict[str, Tensor] = field(default_factory=dict)
    samples: int = 0
    sample_passes: float = 0.0


def mend(
    network: nn.Module,
    plan: Plan,
    repair: Repair,
    options: Mapping[str, Any],
    *,
    batches: Batches,
    loss: Loss,
    example: Tensor,
    seed: int,
    batch_norm_of: Mapping[str, str],
) -> Mended:
    """Apply a repair without taps to a network that the plan has not been applied to yet, and that stays as it is.

    Load the weights into the network, then apply the plan. Arguments are those of `fairprune.pruning.scoring.score`.
    Raises SpecError for an unknown option, PruneError for a repair that does not fit the plan, and for weights of
    wrong names or shapes, or that are not finite.
    """
    if isinstance(plan, DensePlan):
        return Mended()
    check_applies(repair, options, _granularity(plan))
    if "taps" in repair.needs:
        raise PruneError(f"repair '{repair.name}' needs taps: layers are mended one after the other, not all at once")
    remaining = remaining_of(network, plan)
    weights = weights_of(network, list(remaining))
    if not weights:
        return Mended()
    source = Source(network, batches, loss, example, batch_norm_of)
    with untouched(network):
        consumer = _as_criterion(repair)
        [made] = contexts(consumer, _granularity(plan), gather(consumer, source, weights), seed)
        context = replace(made, generator=seeds.generator("repair", seed), **_absent(repair))
        layers = {name: network.get_submodule(name) for name in weights}
        here = {name: shown(layers[name], mask).to(weights[name].device) for name, mask in remaining.items()}
        shapes = {name: mask.shape for name, mask in here.items()}
        found = checked_weights(f"repair '{repair.name}'", repair(context, here, **options), shapes)
        found = {name: stored(layers[name], weight) for name, weight in found.items()}
    return Mended(found, source.meter.samples, source.meter.sample_passes)


def check_applies(repair: Repair, options: Mapping[str, Any], granularity: str) -> None:
    """Raise SpecError for an option that the repair does not have, PruneError for units that it does not mend."""
    for option in options:
        if option not in repair.options:
            raise SpecError(unknown(f"option of repair '{repair.name}'", option, repair.options))
    if granularity not in repair.granularities:
        known = " and ".join(repair.granularities)
        raise PruneError(f"repair '{repair.name}' mends layers that lose {known} units, not {granularity} units")


def remaining_of(network: nn.Module, plan: Plan) -> dict[str, Tensor]:
    """What a plan leaves of the weights of convolutions and linear layers: layer name -> bool, of the weight's shape.

    Only layers that lose something, in the network's order; removed blocks do not count. `network` is the one before
    the plan is applied. Raises PruneError for a plan that does not fit it.
    """
    layers = {name: module for name, module in network.named_modules() if isinstance(module, WEIGHTED)}
    found: dict[str, Tensor] = {}
    if isinstance(plan, MaskPlan):
        masked(network, plan)  # raises for a mask that fits no parameter
        masks = {name: plan.masks.get(f"{name}.weight") for name in layers}
        found = {name: mask.bool().cpu() for name, mask in masks.items() if mask is not None}
    elif isinstance(plan, ChannelPlan):
        modules = dict(network.named_modules())
        touched = {side.rpartition("/")[0] for side in plan.kept}
        for name in sorted(touched - modules.keys()):
            raise PruneError(unknown("module of a channel plan", name, modules))
        found = {name: _positions_kept(name, layers[name], plan) for name in layers if name in touched}
    return {name: left for name, left in found.items() if not bool(left.all())}


def _positions_kept(name: str, module: nn.Module, plan: ChannelPlan) -> Tensor:
    """Found by removing channels from a copy of the layer whose weights are their own positions."""
    numbered, shape = copy.deepcopy(module).cpu(), module.get_parameter("weight").shape
    places = torch.arange(shape.numel()).reshape(shape)
    numbered.weight = nn.Parameter(places, requires_grad=False)
    try:
        RESIZE[type(module)](numbered, plan.kept.get(f"{name}/out"), plan.kept.get(f"{name}/in"))
    except IndexError as error:
        raise PruneError(f"channel plan does not fit layer '{name}' ({module}): {error}") from error
    left = torch.zeros(shape.numel(), dtype=torch.bool)
    left[numbered.weight.flatten()] = True
    return left.reshape(shape)


def _granularity(plan: Plan) -> Granularity:
    if isinstance(plan, BlockPlan):
        return "block"
    return "channel" if isinstance(plan, ChannelPlan) else "weight"


def _absent(repair: Repair) -> dict[str, Any]:
    """What stands in a context for needs that the repair did not declare."""
    return {need: Undeclared(repair.name, need, "repair") for need in get_args(Need) if need not in repair.needs}


def _as_criterion(repair: Repair) -> Criterion:
    """What contexts are made for: all layers at once, with the needs of the repair."""
    return Criterion(
        name=repair.name,
        function=repair.function,
        needs=repair.needs,
        paper=repair.paper,
        scope="network",
        granularities=repair.granularities,
        options=repair.options,
    )
