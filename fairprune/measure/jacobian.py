"""Singular values of a network's Jacobian: how far a small change of the input reaches into the logits.

A network through which signals and gradients keep their length has singular values of 1 (dynamical isometry); pruning
without retraining shrinks them: Wang, Qin & Fu 2021 (arXiv:2105.05916), TPP, Wang & Fu 2023 (arXiv:2207.12534).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from fairprune.measure.accuracy import evaluating
from fairprune.record import Metric

LARGEST_BLOCK = 2**25  # elements of the Jacobians that are held at once: 128 MiB in fp32, twice that in fp64
MOST_AT_ONCE = 128  # samples, since all their activations are held for the products


@dataclass(frozen=True)
class Spectrum:
    """All singular values of samples' Jacobians, fp64 [samples, min(outputs, inputs)], each row largest first.

    A row is NaN where the Jacobian is not finite. `passes` is the cost of one sample in forward passes of one sample.
    """

    values: Tensor
    passes: int

    @property
    def mean(self) -> float:
        """Over all values of all samples, as are `std` (population), `smallest` and `largest`."""
        return float(self.values.mean())

    @property
    def std(self) -> float:
        """Population standard deviation, 1 / n."""
        return float(self.values.std(correction=0))

    @property
    def smallest(self) -> float:
        """The smallest value of any sample."""
        return float(self.values.min())

    @property
    def largest(self) -> float:
        """The largest value of any sample."""
        return float(self.values.max())

    @property
    def condition(self) -> float:
        """Condition number, largest over smallest value of one sample: its median over samples, the lower of two.

        The median is ours: a mean is that of the worst sample. Infinite for a Jacobian without full rank, which in fp32
        may also come out as some 1e7.
        """
        smallest = self.values[:, -1]
        return float((self.values[:, 0] / smallest).where(smallest != 0, torch.inf).median())

    @property
    def isometry(self) -> float:
        """Distance to isometry, sqrt(mean((value - 1)**2)); ours.

        sqrt(sum((value - 1)**2)) is the Frobenius distance of a Jacobian to the nearest matrix whose rows (columns,
        where there are fewer) are orthonormal, the polar factor: Fan & Hoffman 1955. This is its root mean square.
        """
        return float((self.values - 1).square().mean().sqrt())

    def metrics(self, when: str) -> tuple[Metric, ...]:
        """As metrics of a record on the training split; what is not finite is left out."""
        return tuple(
            Metric(name=name, split="train", value=value, direction=direction, n=len(self.values), when=when)
            for name, value, direction in self._named()
            if math.isfinite(value)
        )

    def _named(self) -> Iterator[tuple[str, float, Literal["none", "lower"]]]:
        yield "jsv_mean", self.mean, "none"
        yield "jsv_std", self.std, "none"
        yield "jsv_min", self.smallest, "none"
        yield "jsv_max", self.largest, "none"
        yield "jacobian_condition", self.condition, "lower"
        yield "isometry_distance", self.isometry, "lower"


def samples_at_once(outputs: int, inputs: int) -> int:
    """How many samples of these sizes to hand over in one batch."""
    return min(max(LARGEST_BLOCK // max(outputs * inputs, 1), 1), MOST_AT_ONCE)


def spectrum(network: nn.Module, batches: Iterable[Tensor]) -> Spectrum:
    """The singular values for batches of inputs [n, ...] of any floating type, of which there is at least one sample.

    Exact, in the precision of the network, whatever its size. The network is in evaluation mode meanwhile, and left as
    it was, as are torch's generators.
    """
    rows, outputs = [], 0
    for inputs in batches:
        found = jacobians(network, inputs)
        outputs = found.shape[1]
        finite = found.flatten(1).isfinite().all(1)[:, None]
        values = torch.linalg.svdvals(found.where(finite[..., None], 0).double())
        rows.append(values.where(finite, torch.nan))
    return Spectrum(torch.cat(rows).cpu(), 1 + outputs)


def jacobians(network: nn.Module, inputs: Tensor) -> Tensor:
    """d outputs / d inputs of every sample, [n, outputs, inputs].

    One vector-Jacobian product for each output, of the whole batch at once: samples do not see one another in
    evaluation mode, so the gradient of a sum over them holds every sample's own. A product leaves weights' gradients
    out and multiplies as much as a forward pass, so that a sample costs 1 + outputs passes.
    """
    devices = [inputs.device] if inputs.device.type == "cuda" else []
    with evaluating(network), torch.random.fork_rng(devices=devices), torch.enable_grad(), _without_tf32():
        start = inputs.detach().requires_grad_()
        outputs: Tensor = network(start.clone()).flatten(1)  # a copy: a network may work on its input in place
        columns = outputs.sum(0)
        rows = [
            torch.autograd.grad(column, start, retain_graph=True, materialize_grads=True)[0].flatten(1)
            for column in columns
        ]
    return torch.stack(rows, 1)


@contextmanager
def _without_tf32() -> Iterator[None]:
    """Convolutions on CUDA round their factors to 10 bits unless told otherwise: fp32 is meant here."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
