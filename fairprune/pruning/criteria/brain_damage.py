"""Optimal brain damage: LeCun, Denker and Solla 1990, Advances in Neural Information Processing Systems 2.

The saliency of a weight is 1/2 h w^2, with h its entry on the diagonal of the Hessian of the loss. The paper
back-propagates approximate second derivatives; here h is estimated without bias, or taken from the empirical Fisher.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Generator, Tensor

from fairprune.errors import SpecError
from fairprune.pruning.criterion import Context, Scores, criterion

PAPER = "LeCun et al. 1990, NeurIPS 2"


@criterion(needs=("hessian",), paper=PAPER, scope="network")
def obd_hutchinson(context: Context, *, probes: int = 8) -> Scores:
    """1/2 h w^2, shape of the weight; h is the mean of v * Hv over `probes` vectors v of random signs.

    H is exact, so h may be negative: removing such a weight is predicted to lower the loss, and it goes first. The
    variance of h (Hutchinson 1990) is the sum of the squares of its row off the diagonal, over the number of probes.
    Raises SpecError for less than one probe.

    Deviations: the paper back-propagates approximate second derivatives, which are not negative; here h is estimated
    without bias. The paper prunes and retrains in turns, as `rounds` of a study do.
    """
    if probes < 1:
        raise SpecError(f"option probes of obd_hutchinson: expected at least 1, got {probes}")
    diagonal = {name: torch.zeros_like(weight) for name, weight in context.weights.items()}
    for _ in range(probes):
        signs = {name: _signs(weight, context.generator) for name, weight in context.weights.items()}
        for name, product in context.hessian(signs).items():
            diagonal[name] += signs[name] * product / probes
    return _saliencies(context.weights, diagonal)


@criterion(needs=("gradient_stream",), paper=PAPER, scope="network")
def obd_fisher(context: Context) -> Scores:
    """1/2 h w^2, shape of the weight; h is the mean square of the gradients of single samples.

    Where the network's probabilities are those of the data, and the loss is their negative logarithm, that is h.

    Deviations: the paper back-propagates approximate second derivatives; here h is the empirical Fisher's. The paper
    prunes and retrains in turns, as `rounds` of a study do.
    """
    squares = {name: torch.zeros_like(weight) for name, weight in context.weights.items()}
    samples = 0
    for gradients in context.gradient_stream(1):
        samples += 1
        for name, gradient in gradients.items():
            squares[name] += gradient.square()
    return _saliencies(context.weights, {name: total / samples for name, total in squares.items()})


def _saliencies(weights: Mapping[str, Tensor], diagonal: Mapping[str, Tensor]) -> Scores:
    return {name: diagonal[name] * weight.square() / 2 for name, weight in weights.items()}


def _signs(weight: Tensor, generator: Generator) -> Tensor:
    return torch.randint(2, weight.shape, generator=generator).mul_(2).sub_(1).to(weight)
