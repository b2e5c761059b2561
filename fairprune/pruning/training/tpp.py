"""Trainability-preserving pruning: filters are decorrelated while they are driven out, Wang & Fu 2023.

arXiv:2207.12534: the penalty of GReg-1, also on batch norms, plus one on the Gram matrix of the filters of a layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fairprune.hook import Hook, Now
from fairprune.pruning.granularity.channels import ChannelSpace
from fairprune.pruning.space import Kept
from fairprune.pruning.training.filters import (
    channels_of,
    filter_norms,
    kept_filters,
    pull,
    removed,
    removed_filters,
    weight_of,
)
from fairprune.pruning.training.growth import stairs
from fairprune.pruning.training_method import Setting, training_method


@training_method(paper="arXiv:2207.12534", granularities=("channel",))
def tpp(
    setting: Setting,
    *,
    gram: float = 1000.0,
    ceiling: float = 1.0,
    grown: float = 0.75,
    every: int = 0,
    delta: float = 1e-4,
) -> Hook:
    """The filters that the target removes by their L1 norms at the start are decorrelated from others and driven out.

    Beside the growing factor of `greg1` on filters (with their biases, as in the released code), it acts on scale and
    shift of the batch norm directly behind; and `gram` * factor * MSE(W W^T, G) is added to the loss for every layer
    that loses filters: W [out, rest] is its weight, G is W W^T, detached, its entries with a removed filter set to 0.
    Published at a learning rate of 1e-3; at a hundred times that, the Gram term of narrow layers diverges.

    Cost: the Gram term's products are charged too, two of out x out x rest a step for each layer that loses filters.

    Deviations: those of `greg1`. The released code also zeroes the filters layer by layer at the end, where they are
    close to zero; here they are just removed.
    """
    space, network = channels_of(setting), setting.network
    factor = stairs(0, 0.0, ceiling, share=grown, steps=setting.steps, every=every, delta=delta)
    scores = filter_norms(network, space, 1)
    driven: list[tuple[nn.Parameter, Tensor]] = []
    layers: list[Alike] = []

    def restored() -> None:
        kept = setting.choose(scores)
        driven[:] = [*removed_filters(network, space, kept), *_vectors(network, space, kept)]
        layers[:] = _alike(network, space, kept)

    def on_gradients(now: Now) -> None:
        strength = factor(now.step)
        decorrelate(layers, gram * strength)
        pull(driven, strength)

    restored()
    products = 2 * sum(alike.meets.shape[1] * weight.numel() for alike in layers for weight in alike.weights)
    batch = setting.samples / max(setting.per_epoch, 1)
    overhead = products / max(space.size({}).macs * batch, 1)
    return Hook(
        on_gradients=on_gradients,
        finish=lambda: scores,
        overhead=lambda _: overhead,
        tensors=scores,
        restored=restored,
    )


@dataclass(frozen=True)
class Alike:
    """Layers whose weights have one shape: [layers, out, out] of `meets` is 1 where a removed filter meets any."""

    weights: list[nn.Parameter]
    dim: int
    meets: Tensor


def decorrelate(layers: list[Alike], strength: float) -> None:
    """Add the gradients of strength * sum of MSE(W W^T, G) over layers: 4 / out^2 * D W with D = W W^T - G.

    Layers that are alike are multiplied at once: small networks spend their time on starting operations.
    """
    for alike in layers:
        turned = [weight.detach().transpose(0, alike.dim) for weight in alike.weights]
        gradients = [weight.grad.transpose(0, alike.dim) for weight in alike.weights if weight.grad is not None]
        if len(gradients) == len(turned):
            rows = torch.stack([weight.flatten(1) for weight in turned])
            changes = torch.bmm(torch.bmm(rows, rows.mT).mul_(alike.meets), rows)
            torch._foreach_add_(
                gradients, list(changes.view(-1, *turned[0].shape)), alpha=4 * strength / rows.shape[1] ** 2
            )


def _alike(network: nn.Module, space: ChannelSpace, kept: Kept) -> list[Alike]:
    """The layers that lose filters, by the shape of their weights."""
    found: dict[tuple[int, torch.Size], list[tuple[nn.Parameter, Tensor]]] = {}
    for layer, filters in kept_filters(space, kept).items():
        weight, dim = weight_of(network, layer), space.producers[layer]
        gone = removed(weight.new_zeros(weight.shape[dim]), filters)
        meets = torch.maximum(gone[:, None], gone[None, :])
        found.setdefault((dim, weight.shape), []).append((weight, meets))
    return [
        Alike([weight for weight, _ in same], dim, torch.stack([meets for _, meets in same]))
        for (dim, _), same in found.items()
    ]


def _vectors(network: nn.Module, space: ChannelSpace, kept: Kept) -> list[tuple[nn.Parameter, Tensor]]:
    """Biases of the layers that lose filters, and scales and shifts of batch norms behind, with 1 for what goes."""
    found: dict[int, tuple[nn.Parameter, Tensor]] = {}
    for layer, filters in kept_filters(space, kept).items():
        norm = space.batch_norm_of.get(layer)
        owners = [(layer, "bias"), *((norm, name) for name in ("weight", "bias") if norm)]
        for module, name in owners:
            parameter = network.get_submodule(module)._parameters.get(name)
            if parameter is not None:
                found[id(parameter)] = (parameter, removed(parameter, filters))
    return list(found.values())
