"""ThiNet: the channels that the next layer misses least, Luo et al. 2017, arXiv:1707.06342."""

from __future__ import annotations

import torch
from torch import Tensor

from fairprune.pruning.criterion import Context, Scores, Tap, criterion

CHUNK = 4096  # samples at a time: memory is that many times the layer's inputs


@criterion(
    needs=("taps",),
    paper="arXiv:1707.06342",
    scope="sequence",
    granularities=("channel",),
    allocation="uniform",
    repair="least_squares",
)
def thinet(context: Context) -> Scores:
    """Rank in the greedy order of removal, [out]: the unit removed first scores 0, the one that is left last most.

    Removed is whatever adds least to the sum over samples of (sum over removed units of x_hat)^2, with x_hat what a
    unit contributes to one output of the next layer (equation 6, algorithm 1). As published, every sampled location
    counts for one output channel, drawn at random.

    Deviations: the paper goes on to fine-tune for an epoch or two after each layer, which is left to retraining here.
    Where several layers read the units, which the paper avoids, they count together, sample for sample. The paper then
    scales each channel by one factor; here the repair fits all weights.
    """
    units = 1 + max(int(tap.units.max()) for tap in context.taps.values())
    gram = torch.zeros(units, units, dtype=torch.float64)
    for tap in context.taps.values():
        drawn = torch.randint(tap.weight.shape[0], tap.inputs.shape[:1], generator=context.generator)
        shares = contributions(tap, drawn, units)
        gram += shares.T @ shares
    rank = torch.empty(units, dtype=torch.float64)
    rank[removal_order(gram)] = torch.arange(units, dtype=torch.float64)
    return {name: rank.repeat_interleave(len(weight) // units) for name, weight in context.weights.items()}


def contributions(tap: Tap, filters: Tensor, units: int) -> Tensor:
    """x_hat: what each unit adds to the output of `filters[sample]`, [samples, units], fp64, on the CPU."""
    weight = tap.weight.double()
    parts = zip(torch.split(tap.inputs, CHUNK), torch.split(filters.to(weight.device), CHUNK), strict=True)
    shares = torch.cat([(inputs * weight[chosen]).sum(2).cpu() for inputs, chosen in parts])  # [samples, in]
    number = tap.units.cpu()
    return shares.new_zeros(len(shares), units).index_add_(1, number[number >= 0], shares[:, number >= 0])


def removal_order(gram: Tensor) -> Tensor:
    """Units in the order in which greedy selection removes them, [units]: each the smallest step of 1'G1 over them."""
    added = gram.diagonal().clone()  # what removing a unit would add to the error
    order = []
    for _ in range(len(gram)):
        unit = int(added.argmin())
        order.append(unit)
        added += 2 * gram[unit]
        added[unit] = torch.inf
    return torch.tensor(order)
