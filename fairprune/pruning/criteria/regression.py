"""Channel selection by LASSO regression: He et al. 2017, arXiv:1707.06168, equations 1 to 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from fairprune.pruning.criterion import Context, Scores, Tap, criterion

Array: TypeAlias = npt.NDArray[np.float64]

BLOCK = 1024  # rows of a product at a time: a fully connected layer behind a flattening has tens of thousands
RANGE, STEP = 1e-6, 1.001  # penalties that are tried, relative to that which leaves nothing; how finely


@criterion(
    needs=("taps",),
    paper="arXiv:1707.06168",
    scope="sequence",
    granularities=("channel",),
    allocation="uniform",
    repair="least_squares",
)
def regression(context: Context, *, tolerance: float = 1e-4, sweeps: int = 1000) -> Scores:
    """Rank of each unit in a LASSO regression of the next layer's dense outputs on what units contribute, [out].

    Minimised is |Y - sum_i b_i Z_i|^2 / 2 + penalty * sum_i |b_i|, with Z_i the outputs that are due to unit i alone,
    its weights scaled to a Frobenius norm of 1. The penalty is the smallest at which at most `count` of the b_i differ
    from zero; W stays as trained, and is fitted once, afterwards, as the paper does in practice. `tolerance` and
    `sweeps` say when coordinate descent has settled.

    Deviations: ranked are |b_i| at that penalty, then at the next smaller one that was tried, then |Z_i|, so that
    exactly `count` can be kept where the penalty jumps over that number. Several layers that read the units count
    together; the paper treats both ends of a residual branch by themselves. All sampled locations and outputs are used,
    where the authors' code selects on a part of them, and does not scale weights.
    """
    units = 1 + max(int(tap.units.max()) for tap in context.taps.values())
    gram, moments = normal_equations(tuple(context.taps.values()), units)
    at, before = chosen(gram, moments, context.count, tolerance, sweeps)
    order = np.lexsort((gram.diagonal(), np.abs(before), np.abs(at)))
    rank = torch.empty(units, dtype=torch.float64)
    rank[torch.from_numpy(order)] = torch.arange(units, dtype=torch.float64)
    return {name: rank.repeat_interleave(len(weight) // units) for name, weight in context.weights.items()}


def normal_equations(taps: Sequence[Tap], units: int) -> tuple[Array, Array]:
    """Z'Z [units, units] and Z'Y [units], of Z [samples x outputs, units] that is never laid out.

    Z_i'Z_j is the sum over pairs of inputs of i and j, of (products of inputs) * (products of weights). What inputs of
    other groups contribute is taken off Y.
    """
    gram, moments, squares = (
        torch.zeros(shape, dtype=torch.float64) for shape in ((units + 1,) * 2, units + 1, units + 1)
    )
    for tap in taps:
        inputs, weight = tap.inputs.flatten(1).double(), tap.weight.flatten(1).double()
        number = torch.where(tap.units < 0, units, tap.units).repeat_interleave(tap.inputs.shape[2]).cpu()
        squares.index_add_(0, number, weight.square().sum(0).cpu())
        moments.index_add_(0, number, ((tap.outputs.double().T @ inputs) * weight).sum(0).cpu())
        for rows in torch.split(torch.arange(len(number)), BLOCK):
            products = ((inputs[:, rows].T @ inputs) * (weight[:, rows].T @ weight)).cpu()
            sums = torch.zeros(len(rows), units + 1, dtype=torch.float64).index_add_(1, number, products)
            gram.index_add_(0, number[rows], sums)
    norm = squares[:units].sqrt()
    norm[norm == 0] = 1
    moments = moments[:units] - gram[:units, units]
    return (gram[:units, :units] / norm / norm[:, None]).numpy(), (moments / norm).numpy()


def chosen(gram: Array, moments: Array, count: int, tolerance: float, sweeps: int) -> tuple[Array, Array]:
    """b [units] at the smallest penalty with at most `count` of them different from zero, and at one just below it.

    The penalty is halved, from where nothing is left, until there are more, and then bisected, so that every solution
    starts from one close to it. Where samples cannot tell `count` units apart, both are at the end of the range.
    """
    most = float(np.abs(moments).max())
    at = before = np.zeros(len(moments))
    high, low = most, 0.0
    while high > most * RANGE and (not low or high / low > STEP):
        penalty = np.sqrt(high * low) if low else high / 2
        found = lasso(gram, moments, penalty, at, tolerance, sweeps)
        if np.count_nonzero(found) > count:
            before, low = found, penalty
        else:
            at, high = found, penalty
    return at, before


def lasso(gram: Array, moments: Array, penalty: float, start: Array, tolerance: float, sweeps: int) -> Array:
    """The b [units] that minimises b'Gb / 2 - m'b + penalty * sum |b|, by coordinate descent from `start`.

    Between sweeps over all units those that are not zero are swept until they settle: until nothing moves by more than
    `tolerance` times the largest of them, or for so many sweeps in all.
    """
    b, slope = start.copy(), moments - gram @ start
    every = np.flatnonzero(gram.diagonal() > 0).tolist()
    active, whole = every, True
    for _ in range(sweeps):
        moved = 0.0
        for i in active:
            old, stiffness = b[i], gram[i, i]
            pull = slope[i] + stiffness * old
            new = (pull - penalty if pull > penalty else pull + penalty if pull < -penalty else 0.0) / stiffness
            if new != old:
                slope -= gram[i] * (new - old)
                b[i] = new
                moved = max(moved, abs(new - old))
        settled = moved <= tolerance * np.abs(b).max()
        if settled and whole:
            break
        whole = settled
        active = every if whole else np.flatnonzero(b).tolist()
    return b
