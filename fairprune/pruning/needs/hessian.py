"""Exact products of vectors with the Hessian of the loss with respect to the weights of layers."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from fairprune.errors import PruneError, brief, unknown
from fairprune.pruning.calibration import Source, zeros_for
from fairprune.pruning.needs.gradients import add, gradients

# Forward 1, gradient 2, and going back through both, which takes two products for each of these three: 6.
HESSIAN = 9.0


def hessian_product(
    source: Source, weights: Mapping[str, Tensor], vectors: Mapping[str, Tensor], temperature: float = 1.0
) -> dict[str, Tensor]:
    """The Hessian of the mean loss over all samples times the vectors: layer name -> shape of the weight.

    Blocks between the layers are part of it. Back-propagated twice, batch by batch (Pearlmutter 1994), and summed in
    fp32 or wider. Raises PruneError for vectors that fit no layer, and operations that have no second derivative.
    """
    check_vectors({name: weight.shape for name, weight in weights.items()}, vectors)
    sums, samples = zeros_for(weights), 0
    for batch, targets in source.stream(HESSIAN):
        add(sums, _product(source, weights, vectors, batch, targets, temperature), len(batch))
        samples += len(batch)
    return {name: total.div_(samples) for name, total in sums.items()}


def _product(
    source: Source,
    weights: Mapping[str, Tensor],
    vectors: Mapping[str, Tensor],
    batch: Tensor,
    targets: Tensor,
    temperature: float,
) -> tuple[Tensor | None, ...]:
    # fused attention has no second derivative; written out, in matrices, it has
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        first = gradients(source, weights, batch, targets, temperature, differentiable=True)
        slope = torch.zeros((), device=batch.device)
        for name, gradient in zip(weights, first, strict=True):
            if gradient is not None and name in vectors:
                slope = slope + (gradient * vectors[name].detach().to(gradient)).sum()
        del first  # before the second derivatives take as much room
        if not slope.requires_grad:
            return (None,) * len(weights)  # the loss is linear in these weights
        try:
            return torch.autograd.grad(slope, tuple(weights.values()), allow_unused=True)
        except RuntimeError as error:
            if "not implemented" not in str(error):
                raise
            raise PruneError(
                f"the network has no Hessian: {brief(error)}; take a criterion that needs gradients only"
            ) from error


def check_vectors(shapes: Mapping[str, torch.Size], vectors: Mapping[str, Tensor]) -> None:
    """Raise PruneError for a vector of a layer that there is not, or of another shape."""
    for name, vector in vectors.items():
        if name not in shapes:
            raise PruneError("hessian was given a vector for " + unknown("layer", name, shapes))
        if vector.shape != shapes[name]:
            raise PruneError(
                f"hessian: the vector of layer '{name}' has shape {list(vector.shape)}, expected {list(shapes[name])}"
            )
