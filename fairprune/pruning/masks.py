"""Masks on a network: applied once, held after every step, combined over rounds."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from fairprune import seeds
from fairprune.errors import PruneError, unknown
from fairprune.pruning.plan import MaskPlan


def held(network: nn.Module, plan: MaskPlan) -> tuple[tuple[nn.Parameter, Tensor], ...]:
    """Parameters of the plan with their masks, as factors 0 and 1 of the parameter's type on its device.

    Multiplying the ones by the others after every optimizer step (torch._foreach_mul_) keeps pruned weights at zero,
    whatever momentum and weight decay do. Raises PruneError for a mask that fits no parameter.
    """
    return tuple((parameter, mask.to(parameter)) for parameter, mask in masked(network, plan))


def masked(network: nn.Module, plan: MaskPlan) -> tuple[tuple[nn.Parameter, Tensor], ...]:
    """Parameters of the plan with their masks as they are. Raises PruneError for a mask that fits no parameter."""
    parameters = dict(network.named_parameters())
    for name, mask in plan.masks.items():
        if name not in parameters:
            raise PruneError(unknown("parameter of a mask", name, parameters))
        if mask.shape != parameters[name].shape:
            shape = list(parameters[name].shape)
            raise PruneError(f"mask of {name} has shape {list(mask.shape)}, expected {shape}")
    return tuple((parameters[name], mask) for name, mask in plan.masks.items())


def apply_masks_(network: nn.Module, plan: MaskPlan) -> None:
    """Set the weights that the plan does not keep to zero, in place. Raises PruneError as `masked` does."""
    with torch.no_grad():
        for parameter, mask in masked(network, plan):
            parameter.masked_fill_(~mask.to(parameter.device), 0)


def initialise_sparse_(network: nn.Module, plan: MaskPlan, seed: int) -> None:
    """Draw masked weights anew for their sparsity: N(0, 2/n), n = weights kept / input channels of the layer.

    Source: Liu et al. 2019 (arXiv:1810.05270), training unstructured networks from scratch. Layers without a mask, and
    those that lost everything, stay as they are.
    """
    generator = seeds.generator("sparse", seed)
    with torch.no_grad():
        for parameter, mask in held(network, plan):
            fan = float(mask.sum()) / parameter.shape[1]
            if fan:
                drawn = torch.randn(parameter.shape, generator=generator) * math.sqrt(2 / fan)
                parameter.copy_(drawn.to(parameter) * mask)


def intersect(first: MaskPlan, second: MaskPlan) -> MaskPlan:
    """What both plans keep; a parameter without a mask is kept whole."""
    masks = dict(first.masks)
    for name, mask in second.masks.items():
        masks[name] = masks[name] & mask if name in masks else mask
    return MaskPlan(masks)
