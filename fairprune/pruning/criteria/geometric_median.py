"""Geometric median: filters that others can stand in for, He et al. 2019, arXiv:1811.00250."""

from __future__ import annotations

from torch import Tensor

from fairprune.pruning.criterion import Context, Scores, criterion


@criterion(paper="arXiv:1811.00250", granularities=("channel",))
def fpgm(context: Context) -> Scores:
    """Sum of the Euclidean distances of each filter to all filters of its layer, [out], fp64.

    The filters that are nearest to the geometric median go.

    Deviations: the paper zeroes them after every epoch of a training, which goes on; here they are removed once. Its
    mixed variant, which removes a tenth of the filters by their norm first, is not this one.
    """
    return {name: _distances(weight.detach().flatten(1).double()).sum(1) for name, weight in context.weights.items()}


def _distances(filters: Tensor) -> Tensor:
    """Euclidean distances of all pairs, [out, out], from one product of matrices.

    Distances do not depend on the mean; without it less cancels. Equal filters come out within 1e-7 of their norm.
    """
    centred = filters - filters.mean(0)
    products = centred @ centred.T
    squares = products.diagonal()
    return (squares[:, None] + squares - 2 * products).clamp_min(0).sqrt().fill_diagonal_(0)
