"""Gradients of the loss for gates: factors of one on units, which are weights or what comes out of a filter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from fairprune.pruning.calibration import Source
from fairprune.pruning.layout import shown
from fairprune.pruning.needs.gradients import check_depends, gradient_stream, in_chunks


def weight_gates(source: Source, weights: Mapping[str, Tensor], chunk: int) -> Iterator[dict[str, Tensor]]:
    """Layer name -> w * dL/dw of the mean loss over the next `chunk` samples, of the weight's shape."""
    for gradients in gradient_stream(source, weights, chunk):
        yield {name: gradient.mul_(weights[name].detach()) for name, gradient in gradients.items()}


def unit_gates(source: Source, weights: Mapping[str, Tensor], chunk: int) -> Iterator[dict[str, Tensor]]:
    """Layer name -> gradient of the mean loss over the next `chunk` samples for the gates of its units, [out].

    Gates stand behind the batch norm that follows the layer, where there is one (Molchanov et al. 2019): closing one
    is what removing the unit does to the rest of the network. A layer that runs twice has the same gates both times.
    Chunks are as in `gradient_stream`.
    """
    modules = {name: source.network.get_submodule(source.batch_norm_of.get(name, name)) for name in weights}
    gates = {
        name: weight.new_ones(len(shown(source.network.get_submodule(name), weight)))
        for name, weight in weights.items()
    }

    def of(batch: Tensor, targets: Tensor) -> tuple[Tensor | None, ...]:
        with torch.enable_grad(), _gated(modules, gates):
            loss = source.mean_loss(batch, targets)
            check_depends(loss, gates)
            return torch.autograd.grad(loss, tuple(gates.values()), allow_unused=True)

    return in_chunks(source, gates, chunk, of)


@contextmanager
def _gated(modules: Mapping[str, nn.Module], gates: Mapping[str, Tensor]) -> Iterator[None]:
    def gate(of: Tensor) -> Any:
        of.requires_grad_(True)
        return lambda module, _args, output: output * _aligned(module, of, output)

    hooks = [module.register_forward_hook(gate(gates[name])) for name, module in modules.items()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _aligned(module: nn.Module, gate: Tensor, output: Tensor) -> Tensor:
    gate = gate.to(output.dtype)
    return gate if isinstance(module, nn.Linear) else gate.view(-1, *[1] * (output.dim() - 2))
