"""Splits carved by class: exact sizes, disjoint, and the same for the same labels and seed."""

from __future__ import annotations

import torch
from torch import Tensor

from fairprune import seeds


def apportion(counts: list[int], total: int) -> list[int]:
    """`total` shared out in proportion to the counts, by largest remainders (ties: the earlier one). Sums exactly.

    >>> apportion([5, 3, 2], 4)
    [2, 1, 1]
    """
    whole = sum(counts)
    shares = [count * total // whole for count in counts]
    order = sorted(range(len(counts)), key=lambda i: -(counts[i] * total % whole))
    for i in order[: total - sum(shares)]:
        shares[i] += 1
    return shares


def carve(labels: Tensor, total: int, purpose: str, seed: int) -> tuple[Tensor, Tensor]:
    """Positions of `total` samples drawn in proportion to the classes, and of the rest; both int64, ascending.

    The order of the draw depends on the number of samples, the purpose and the seed alone, so it is the same for every
    total: a larger split of the same labels contains a smaller one, but for the rounding of class shares.
    """
    order = torch.randperm(len(labels), generator=seeds.generator(purpose, seed))
    taken = torch.zeros(len(labels), dtype=torch.bool)
    for cls, share in enumerate(apportion(labels.bincount().tolist(), total)):
        taken[order[labels[order] == cls][:share]] = True
    return taken.nonzero()[:, 0], (~taken).nonzero()[:, 0]
