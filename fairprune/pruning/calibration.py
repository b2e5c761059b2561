"""Where criteria look beside weights: a network, calibration samples, their loss, and a meter of every look."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fairprune.errors import PruneError, unknown
from fairprune.pruning.criterion import Need

Batches: TypeAlias = Callable[[], Iterable[tuple[Tensor, Tensor]]]  # inputs [batch, ...] and their targets
Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]  # mean loss of a batch, from outputs and targets

CALIBRATED: frozenset[Need] = frozenset(
    {"gradients", "activations", "gradient_stream", "gate_stream", "hessian", "outputs", "taps"}
)  # needs that read calibration samples

FORWARD, GRADIENT = 1.0, 3.0  # passes: multiply-adds in multiples of those of one forward pass


@dataclass
class Meter:
    """What looking cost: `samples` distinct calibration samples, and the sum over all passes of samples x passes."""

    samples: int = 0
    sample_passes: float = 0.0

    def charge(self, samples: int, passes: float) -> None:
        """Count samples that went through the network."""
        self.sample_passes += samples * passes


@dataclass(frozen=True)
class Source:
    """What needs are computed from. Use it inside `untouched`.

    network        in evaluation mode
    batches        calibration samples; every call begins with the first again
    loss           mean loss of a batch
    example        an input [batch, ...]: its shape and type matter, its values do not
    batch_norm_of  layer -> the batch norm directly behind it
    """

    network: nn.Module
    batches: Batches
    loss: Loss
    example: Tensor
    batch_norm_of: Mapping[str, str] = field(default_factory=dict)
    meter: Meter = field(default_factory=Meter)

    def stream(self, passes: float) -> Iterator[tuple[Tensor, Tensor]]:
        """Batch after batch, each charged with that many passes. Raises PruneError where there is no sample."""
        read = 0
        for batch, targets in self.batches():
            if len(batch):
                read += len(batch)
                self.meter.samples = max(self.meter.samples, read)
                self.meter.charge(len(batch), passes)
                yield batch, targets
        if not read:
            raise PruneError("calibration has no samples: expected at least one batch of the training split")

    def mean_loss(self, batch: Tensor, targets: Tensor, temperature: float = 1.0) -> Tensor:
        """Of one batch; the network's outputs are divided by the temperature."""
        outputs = self.network(batch)
        return self.loss(outputs if temperature == 1 else outputs / temperature, targets)


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


@contextmanager
def untouched(network: nn.Module, batch_statistics: bool = False) -> Iterator[None]:
    """Evaluation mode for a while. Training flags, buffers, requires_grad and torch's generators come back after it.

    With `batch_statistics` batch norms normalise by the batch, as in training: at the initialisation their running
    statistics say nothing yet.
    """
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
            for module in network.modules():
                if batch_statistics and isinstance(module, _BatchNorm):
                    module.training = True
            yield
        finally:
            for module, training in modes:
                module.training = training
            for parameter, flag in flags:
                parameter.requires_grad_(flag)
            for module, name, buffer, before in buffers:
                with torch.no_grad():
                    module._buffers[name] = buffer.copy_(before)


def zeros_for(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A sum to begin with for each weight, fp32 or wider."""
    return {name: torch.zeros_like(weight, dtype=wide(weight)) for name, weight in weights.items()}


def wide(weight: Tensor) -> torch.dtype:
    """The type that sums over samples are kept in."""
    return torch.promote_types(weight.dtype, torch.float32)
