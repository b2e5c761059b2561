"""Gradients of the loss with respect to the weights of layers, of parts of the calibration samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import torch
from torch import Tensor

from fairprune.errors import PruneError
from fairprune.pruning.calibration import GRADIENT, Source, zeros_for

# Inputs and targets of a batch -> gradients of its mean loss; None for what it does not depend on.
Slopes: TypeAlias = Callable[[Tensor, Tensor], tuple[Tensor | None, ...]]


def gradient_stream(
    source: Source, weights: Mapping[str, Tensor], chunk: int, temperature: float = 1.0
) -> Iterator[dict[str, Tensor]]:
    """Layer name -> gradient of the mean loss over the next `chunk` samples, of the weight's shape, fp32 or wider.

    Chunks may be smaller than a batch (1: a gradient for every sample) or reach over several; the last has what is
    left. One chunk's gradients are held at a time, and one batch. Raises PruneError for a chunk below 1.
    """

    def of(batch: Tensor, targets: Tensor) -> tuple[Tensor | None, ...]:
        return gradients(source, weights, batch, targets, temperature)

    return in_chunks(source, weights, chunk, of)


def in_chunks(source: Source, like: Mapping[str, Tensor], chunk: int, of: Slopes) -> Iterator[dict[str, Tensor]]:
    """Means over chunks of samples of what a function of a batch yields, in the order and shapes of `like`."""
    if chunk < 1:
        raise PruneError(f"gradients of chunks of {chunk} samples: expected at least 1")
    return _chunks(source, like, chunk, of)


def _chunks(source: Source, like: Mapping[str, Tensor], chunk: int, of: Slopes) -> Iterator[dict[str, Tensor]]:
    sums, held = zeros_for(like), 0
    for batch, targets in source.stream(passes=0):  # charged piece by piece: the criterion may stop half-way
        start = 0
        while start < len(batch):
            end = min(len(batch), start + chunk - held)
            source.meter.charge(end - start, GRADIENT)
            add(sums, of(batch[start:end], targets[start:end]), end - start)
            held += end - start
            start = end
            if held == chunk:
                yield _mean(sums, held)
                sums, held = zeros_for(like), 0
    if held:
        yield _mean(sums, held)


def gradients(
    source: Source,
    weights: Mapping[str, Tensor],
    batch: Tensor,
    targets: Tensor,
    temperature: float = 1.0,
    *,
    differentiable: bool = False,
) -> tuple[Tensor | None, ...]:
    """Of the mean loss of one batch, in the order of the weights; None for a layer that it does not depend on.

    Raises PruneError where the network's forward keeps no track of gradients.
    """
    with torch.enable_grad():
        for weight in weights.values():
            weight.requires_grad_(True)
        loss = source.mean_loss(batch, targets, temperature)
        check_depends(loss, weights)
        # autograd.grad leaves .grad alone
        return torch.autograd.grad(loss, tuple(weights.values()), create_graph=differentiable, allow_unused=True)


def check_depends(value: Tensor, weights: Mapping[str, Tensor]) -> None:
    """Raise PruneError for what was computed without keeping track of gradients."""
    if not value.requires_grad:
        raise PruneError(
            f"the network's outputs have no gradient with respect to layer '{next(iter(weights))}' or any other: "
            f"its forward must neither detach them nor switch gradients off"
        )


def add(sums: Mapping[str, Tensor], terms: tuple[Tensor | None, ...], samples: int) -> None:
    """Add `samples` times each term; None counts as zeros."""
    with torch.no_grad():
        for total, term in zip(sums.values(), terms, strict=True):
            if term is not None:
                total.add_(term, alpha=samples)


def _mean(sums: dict[str, Tensor], samples: int) -> dict[str, Tensor]:
    return {name: total.div_(samples) for name, total in sums.items()}
