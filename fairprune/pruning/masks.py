"""Masks on a network: applied once, held after every step, combined over rounds."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fairprune.errors import PruneError, unknown
from fairprune.pruning.plan import MaskPlan


def held(network: nn.Module, plan: MaskPlan) -> tuple[tuple[nn.Parameter, Tensor], ...]:
    """Parameters of the plan with their masks, as factors 0 and 1 of the parameter's type on its device.

    Multiplying the ones by the others after every optimizer step (torch._foreach_mul_) keeps pruned weights at zero,
    whatever momentum and weight decay do. Raises PruneError for a mask that fits no parameter.
    """
    parameters = dict(network.named_parameters())
    for name, mask in plan.masks.items():
        if name not in parameters:
            raise PruneError(unknown("parameter of a mask", name, parameters))
        if mask.shape != parameters[name].shape:
            shape = list(parameters[name].shape)
            raise PruneError(f"mask of {name} has shape {list(mask.shape)}, expected {shape}")
    return tuple((parameters[name], mask.to(parameters[name])) for name, mask in plan.masks.items())


def apply_masks_(network: nn.Module, plan: MaskPlan) -> None:
    """Set the weights that the plan does not keep to zero, in place. Raises PruneError as `held` does."""
    with torch.no_grad():
        for parameter, mask in held(network, plan):
            parameter.masked_fill_(mask == 0, 0)


def intersect(first: MaskPlan, second: MaskPlan) -> MaskPlan:
    """What both plans keep; a parameter without a mask is kept whole."""
    masks = dict(first.masks)
    for name, mask in second.masks.items():
        masks[name] = masks[name] & mask if name in masks else mask
    return MaskPlan(masks)
