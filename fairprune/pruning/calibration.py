"""What criteria may look at beside weights: gradients and inputs on calibration samples, in one pass over them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from fairprune.errors import PruneError, unknown
from fairprune.pruning.criterion import Need

Batches: TypeAlias = Callable[[], Iterable[tuple[Tensor, Tensor]]]  # inputs [batch, ...] and their targets
Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]  # mean loss of a batch, from outputs and targets


@dataclass(frozen=True)
class Observed:
    """Means over the calibration samples, and what they cost: `passes` is in forward passes (with backward: 3)."""

    gradients: Mapping[str, Tensor] = field(default_factory=dict)  # shape of the weight, fp32 or wider
    activations: Mapping[str, Tensor] = field(default_factory=dict)  # mean |input|, [in], fp32 or wider
    samples: int = 0
    passes: float = 0.0


def weights_of(network: nn.Module, layers: Collection[str]) -> dict[str, Tensor]:
    """The weights of the named layers. Raises PruneError for a layer without a weight [out, in, ...] of its own."""
    modules = dict(network.named_modules())
    weights: dict[str, Tensor] = {}
    for name in layers:
        if name not in modules:
            raise PruneError(unknown("layer", name, modules))
        weight = modules[name]._parameters.get("weight")
        if weight is None or weight.dim() < 2:
            kind = type(modules[name]).__name__
            raise PruneError(f"layer '{name}' ({kind}) has no weight [out, in, ...] of its own to score")
        weights[name] = weight
    return weights


def observe(
    network: nn.Module, weights: Mapping[str, Tensor], needs: Collection[Need], batches: Batches, loss: Loss
) -> Observed:
    """Gradients and activations of the layers, exact means over all samples. Call it inside `untouched`.

    Batches count by their size and are summed as they come. Raises PruneError where there is no sample.
    """
    backward, inputs = "gradients" in needs, "activations" in needs
    if not weights or not (backward or inputs):
        return Observed()
    sums = {name: torch.zeros_like(w, dtype=_wide(w)) for name, w in weights.items()} if backward else {}
    meters = {name: _Inputs(w.dim(), _no_inputs(network, name, w)) for name, w in weights.items()} if inputs else {}
    samples = 0
    with _metered(network, meters), torch.set_grad_enabled(backward):
        for weight in weights.values():
            weight.requires_grad_(backward)
        for batch, targets in batches():
            samples += len(batch)
            mean = loss(network(batch), targets)
            if backward:
                _add_gradients(sums, weights, mean, len(batch))
    if not samples:
        raise PruneError("calibration has no samples: expected at least one batch of the training split")
    return Observed(
        {name: total / samples for name, total in sums.items()},
        {name: meter.mean().to(_wide(weights[name])) for name, meter in meters.items()},
        samples,
        3.0 if backward else 1.0,
    )


@contextmanager
def untouched(network: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while. Training flags, buffers, requires_grad and torch's generators come back after it."""
    modes = [(module, module.training) for module in network.modules()]
    flags = [(parameter, parameter.requires_grad) for parameter in network.parameters()]
    buffers = [
        (module, name, buffer, buffer.clone())
        for module in network.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    devices = {p.device for p in network.parameters() if p.device.type == "cuda"}
    with torch.random.fork_rng(devices=list(devices)):
        try:
            network.eval()
            yield
        finally:
            for module, training in modes:
                module.training = training
            for parameter, flag in flags:
                parameter.requires_grad_(flag)
            for module, name, buffer, before in buffers:
                with torch.no_grad():
                    module._buffers[name] = buffer.copy_(before)


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


def _add_gradients(sums: Mapping[str, Tensor], weights: Mapping[str, Tensor], mean: Tensor, samples: int) -> None:
    # autograd.grad leaves .grad alone; a layer that the loss does not depend on adds nothing
    gradients = torch.autograd.grad(mean, list(weights.values()), allow_unused=True)
    for total, gradient in zip(sums.values(), gradients, strict=True):
        if gradient is not None:
            total.add_(gradient, alpha=samples)


def _no_inputs(network: nn.Module, name: str, weight: Tensor) -> Tensor:
    width = weight.shape[1] * getattr(network.get_submodule(name), "groups", 1)  # a filter of a group sees a part
    return torch.zeros(width, dtype=torch.float64, device=weight.device)


def _wide(weight: Tensor) -> torch.dtype:
    return torch.promote_types(weight.dtype, torch.float32)
