"""Gradients of the loss with respect to the weights of layers, of parts of the calibration samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from fairprune.errors import PruneError
from fairprune.pruning.calibration import GRADIENT, Source, zeros_for


def gradient_stream(
    source: Source, weights: Mapping[str, Tensor], chunk: int, temperature: float = 1.0
) -> Iterator[dict[str, Tensor]]:
    """Layer name -> gradient of the mean loss over the next `chunk` samples, of the weight's shape, fp32 or wider.

    Chunks may be smaller than a batch (1: a gradient for every sample) or reach over several; the last has what is
    left. One chunk's gradients are held at a time, and one batch. Raises PruneError for a chunk below 1.
    """
    if chunk < 1:
        raise PruneError(f"gradient_stream of chunks of {chunk} samples: expected at least 1")
    return _stream(source, weights, chunk, temperature)


def _stream(
    source: Source, weights: Mapping[str, Tensor], chunk: int, temperature: float
) -> Iterator[dict[str, Tensor]]:
    sums, held = zeros_for(weights), 0
    for batch, targets in source.stream(passes=0):  # charged piece by piece: the criterion may stop half-way
        start = 0
        while start < len(batch):
            end = min(len(batch), start + chunk - held)
            source.meter.charge(end - start, GRADIENT)
            add(sums, gradients(source, weights, batch[start:end], targets[start:end], temperature), end - start)
            held += end - start
            start = end
            if held == chunk:
                yield _mean(sums, held)
                sums, held = zeros_for(weights), 0
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
