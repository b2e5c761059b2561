"""Means over all calibration samples: gradients and inputs of layers, in one pass over them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from fairprune.pruning.calibration import FORWARD, GRADIENT, Source, wide, zeros_for
from fairprune.pruning.criterion import Need
from fairprune.pruning.layout import shown
from fairprune.pruning.needs.gradients import add, gradients


@dataclass(frozen=True)
class Means:
    """Means over the calibration samples, fp32 or wider."""

    gradients: Mapping[str, Tensor] = field(default_factory=dict)  # shape of the weight
    activations: Mapping[str, Tensor] = field(default_factory=dict)  # mean |input|, [in]


def means(source: Source, weights: Mapping[str, Tensor], needs: Collection[Need]) -> Means:
    """Gradients and activations of the layers, exact means over all samples, as far as they are needed.

    Batches count by their size and are summed as they come. Raises PruneError where there is no sample.
    """
    backward, inputs = "gradients" in needs, "activations" in needs
    if not weights or not (backward or inputs):
        return Means()
    sums = zeros_for(weights) if backward else {}
    meters = {name: _Inputs(w.dim(), _no_inputs(source.network, name, w)) for name, w in weights.items() if inputs}
    samples = 0
    with _metered(source.network, meters):
        for batch, targets in source.stream(GRADIENT if backward else FORWARD):
            samples += len(batch)
            if backward:
                add(sums, gradients(source, weights, batch, targets), len(batch))
            else:
                with torch.no_grad():
                    source.network(batch)
    return Means(
        {name: total.div_(samples) for name, total in sums.items()},
        {name: meter.mean().to(wide(weights[name])) for name, meter in meters.items()},
    )


@dataclass
class _Inputs:
    """Adds up |input| of one layer, per channel or feature, over samples, positions and calls."""

    dims: int  # of the weight: the input's channels are that many dimensions, less one, from its end
    total: Tensor  # [in], fp64
    positions: int = 0

    def __call__(self, _: nn.Module, args: tuple[Any, ...]) -> None:
        values = args[0].detach().abs().movedim(1 - self.dims, 0)
        self.total += values.flatten(1).sum(1, dtype=torch.float64)
        self.positions += values[0].numel()

    def mean(self) -> Tensor:
        """[in]; zeros for a layer that no input reached."""
        return self.total / max(self.positions, 1)


@contextmanager
def _metered(network: nn.Module, meters: Mapping[str, _Inputs]) -> Iterator[None]:
    hooks = [network.get_submodule(name).register_forward_pre_hook(meter) for name, meter in meters.items()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _no_inputs(network: nn.Module, name: str, weight: Tensor) -> Tensor:
    layer = network.get_submodule(name)
    width = shown(layer, weight).shape[1] * getattr(layer, "groups", 1)  # a filter of a group sees a part
    return torch.zeros(width, dtype=torch.float64, device=weight.device)
