"""What methods that drive filters out share: norms of filters, those that go, and pulling at them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn

from fairprune.errors import PruneError
from fairprune.pruning.granularity.channels import ChannelSpace
from fairprune.pruning.space import Kept
from fairprune.pruning.training_method import Setting

Factors: TypeAlias = Sequence[tuple[nn.Parameter, Tensor]]  # parameters, and a factor for each of their elements


def channels_of(setting: Setting) -> ChannelSpace:
    """The channels of the setting's network. Raises PruneError for another granularity, and where all have to stay."""
    if not isinstance(setting.space, ChannelSpace):
        raise PruneError(f"filters are units of granularity 'channel', not of '{setting.space.granularity}'")
    if not setting.space.groups:
        raise PruneError("nothing to prune: every channel of the network is spared or has to stay")
    return setting.space


def weight_of(network: nn.Module, layer: str) -> nn.Parameter:
    """The weight of a layer."""
    return network.get_parameter(f"{layer}.weight")


def filter_norms(network: nn.Module, space: ChannelSpace, power: int) -> dict[str, Tensor]:
    """Layer name -> L1 (power 1) or L2 (power 2) norm of each filter, fp64 on the CPU, [out].

    What is not finite counts as 0: that training has diverged is for the loop to say, at the end of the epoch.
    """
    norms = {}
    for layer in space.layers:
        rows = weight_of(network, layer).detach().transpose(0, space.producers[layer]).flatten(1)
        norm = torch.linalg.vector_norm(rows, power, dim=1, dtype=torch.float64)
        norms[layer] = norm.nan_to_num(nan=0.0, posinf=0.0).cpu()
    return norms


def kept_filters(space: ChannelSpace, kept: Kept) -> dict[str, Tensor]:
    """Layer name -> the filters it keeps, of the layers that lose some. Coupled layers keep the same.

    Depthwise filters are not among them: they follow the channels that they read.
    """
    sides = space.plan(kept).kept
    return {layer: sides[f"{layer}/out"] for layer in space.layers if f"{layer}/out" in sides}


def removed_filters(network: nn.Module, space: ChannelSpace, kept: Kept) -> list[tuple[nn.Parameter, Tensor]]:
    """Weights of the layers that lose filters, with 1 for what goes and 0 for what stays."""
    found = []
    for layer, filters in kept_filters(space, kept).items():
        weight = weight_of(network, layer)
        found.append((weight, removed(weight, filters, space.producers[layer])))
    return found


def removed(parameter: Tensor, kept: Tensor, dim: int = 0) -> Tensor:
    """0 at the kept positions of a dimension and 1 elsewhere, of the parameter's shape and layout."""
    return torch.ones_like(parameter, requires_grad=False).index_fill_(dim, kept.to(parameter.device), 0)


def pull(factors: Factors, strength: float) -> None:
    """Add strength * factor * parameter to the gradients: those of strength / 2 * sum(factor * parameter^2)."""
    live = [(parameter.grad, parameter, factor) for parameter, factor in factors if parameter.grad is not None]
    if live:
        gradients, parameters, weights = ([row[column] for row in live] for column in range(3))
        with torch.no_grad():
            torch._foreach_addcmul_(gradients, parameters, weights, value=strength)
