"""Layer-adaptive magnitude: Lee et al. 2021, arXiv:2010.07611."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fairprune.pruning.criterion import Context, Scores, criterion


@criterion(paper="arXiv:2010.07611", granularities=("weight",), allocation="global")
def lamp(context: Context) -> Scores:
    """w^2 / sum of the squares of the layer's weights that are not smaller, of the weight's shape; 0 for 0 / 0.

    Inside a layer the order is that of |w|; the largest weight of each layer scores 1, whatever its scale.

    Sums are in fp64, scores in the weights' type, or fp32 where that is coarser.

    Deviations: the paper orders equal weights arbitrarily; here the lower index counts as the larger, as it does in
    selection.
    """
    return {name: _scores(weight.detach().cpu()) for name, weight in context.weights.items()}


def _scores(weight: Tensor) -> Tensor:
    magnitudes = weight.abs().flatten()
    order = descending(magnitudes)
    ranked = magnitudes[order].double().square_()
    ranked /= ranked.cumsum(0).clamp_min_(torch.finfo(torch.float64).tiny)
    ranked = ranked.to(torch.promote_types(weight.dtype, torch.float32))
    return torch.empty_like(ranked).scatter_(0, order, ranked).reshape(weight.shape)


def descending(magnitudes: Tensor) -> Tensor:
    """Positions in [n] numbers >= 0 from the largest to the smallest; among equals the lower one first.

    Bits of such a float grow with its value, so (value, position) is sorted as one integer of 64 bits: ten times as
    fast as a stable sort of floats.
    """
    if magnitudes.dtype == torch.float64:
        return magnitudes.argsort(descending=True, stable=True)
    keys = magnitudes.float().numpy().view(np.int32).astype(np.int64)
    np.invert(keys, out=keys)  # the largest first
    keys <<= 32
    keys |= np.arange(len(keys))
    keys.sort()
    keys &= 0xFFFFFFFF
    return torch.from_numpy(keys)
