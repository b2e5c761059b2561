"""Orthogonal weights after pruning: OrthP (Wang et al. 2021, arXiv:2105.05916)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from fairprune.errors import PruneError, SpecError
from fairprune.pruning.criterion import Context
from fairprune.pruning.repair import Remaining, repair


@repair(paper="arXiv:2105.05916", granularities=("channel",))
def orthogonal(context: Context, remaining: Remaining, *, gain: float = math.sqrt(2)) -> Mapping[str, Tensor]:
    """gain x Q x sign(diag R), with Q R the factors of what remains of a layer, as a matrix [out, rest].

    Of its transpose where out < rest: rows are then orthogonal with norm `gain`, otherwise columns are. The signs make
    it unique. Only layers that lose something change; biases and batch norms stay.

    Deviations: `gain` is that of the nonlinearity behind a layer, sqrt(2) for ReLU, 1 for none. A context does not say
    what is behind, so all layers get the same, the classifier too.
    """
    if not 0 < gain < math.inf:
        raise SpecError(f"option 'gain' of orthogonal is {gain}, expected a number above 0")
    mended = {}
    for name, weight in context.weights.items():
        left = remaining[name].flatten(1)
        rows, columns = left.any(1), left.any(0)
        if not torch.equal(left, rows[:, None] & columns):
            raise PruneError(f"orthogonal mends layers that lose channels, and layer '{name}' loses single weights")
        flat = torch.zeros_like(weight).flatten(1)
        flat[left] = (gain * _orthogonal(weight.flatten(1)[rows][:, columns].double())).to(weight.dtype).flatten()
        mended[name] = flat.reshape(weight.shape)
    return mended


def _orthogonal(matrix: Tensor) -> Tensor:
    """The orthogonal factor of a matrix [out, rest], of its shape."""
    wide = matrix.shape[0] < matrix.shape[1]
    q: Tensor
    q, r = torch.linalg.qr(matrix.T if wide else matrix)
    q = q * torch.where(r.diagonal() < 0, -1.0, 1.0)  # not sign(0) = 0: a dead filter gets a direction too
    return q.T if wide else q
