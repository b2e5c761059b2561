"""The highest of many scores, exactly: found without ordering all of them, and without copies of their size.

Millions of scores are ranked again in every step on the way to a target. numpy compares and counts several times as
fast as torch does on one core, so the scores are looked at as arrays, in pieces that stay in the cache.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array: TypeAlias = NDArray[Any]

SAMPLE = 1 << 16  # scores that are ordered to say where the others may be left out
PIECE = 1 << 16  # scores that are looked at together: their comparisons stay in the cache


def top_counts(scores: Sequence[Tensor], keep: int) -> list[int]:
    """How many of the `keep` highest scores lie in each tensor; of equal scores the earlier tensors' come first."""
    if keep == 0:
        return [0 for _ in scores]
    if keep == sum(map(len, scores)):
        return [len(s) for s in scores]
    _, above, equal = _cut([_array(s) for s in scores], keep)
    ties, counts = keep - sum(above), []
    for over, same in zip(above, equal, strict=True):
        taken = min(ties, same)
        ties -= taken
        counts.append(over + taken)
    return counts


def top_mask(scores: Tensor, count: int) -> Tensor:
    """Which are the `count` highest, bool; of equal scores the lower positions come first, and never -inf."""
    values = _array(scores)
    if count == 0:
        return torch.zeros(len(values), dtype=torch.bool)
    threshold, [above], [equal] = _cut([values], count) if count < len(values) else (-math.inf, [0], [0])
    if threshold == -math.inf:
        return torch.from_numpy(values > -math.inf)
    best = values >= threshold
    if above + equal > count:
        best[np.flatnonzero(values == threshold)[count - above :]] = False
    return torch.from_numpy(best)


def top_positions(scores: Tensor, count: int) -> Tensor:
    """The sorted positions of what `top_mask` marks, int64."""
    return torch.from_numpy(np.flatnonzero(top_mask(scores, count).numpy()))


def kth_highest(scores: Sequence[Tensor], k: int) -> float:
    """The k-th highest of all values (1 <= k <= their number; one dtype; no NaN)."""
    return _cut([_array(s) for s in scores], k)[0]


def finite_count(scores: Tensor) -> int:
    """How many are not -inf."""
    return int(np.count_nonzero(_array(scores) != -math.inf))


def _cut(arrays: Sequence[Array], k: int) -> tuple[float, list[int], list[int]]:
    """The k-th highest value, and how many of each array are higher and as high.

    Values are bracketed by a sample, and only those inside the bracket are ordered: one pass, and memory for a small
    part. Where the sample misleads, everything is ordered.
    """
    low, high = _bracket(arrays, k)
    above, inside = zip(*(_within(values, low, high) for values in arrays), strict=True)
    place = k - sum(above)  # among those inside
    if not 0 < place <= sum(map(len, inside)):
        place, above, inside = k, (0,) * len(arrays), tuple(arrays)
    pool = np.concatenate(inside)
    pool.partition(len(pool) - place)
    threshold = float(pool[len(pool) - place])
    higher = [n + int(np.count_nonzero(part > threshold)) for n, part in zip(above, inside, strict=True)]
    return threshold, higher, [int(np.count_nonzero(part == threshold)) for part in inside]


def _bracket(arrays: Sequence[Array], k: int) -> tuple[float, float]:
    """Two values that the k-th highest most likely lies between: above the first, not above the second."""
    total = sum(map(len, arrays))
    if total <= SAMPLE:
        return -math.inf, math.inf
    stride = max(total // SAMPLE, 8) | 1  # odd: numbers of channels are often even
    sample = np.sort(np.concatenate([values[::stride] for values in arrays]))[::-1]
    place, slack = k / total * len(sample), 4 * math.sqrt(len(sample)) + 8  # eight deviations and more
    high = float(sample[max(int(place - slack), 0)]) if place > slack else math.inf
    low = float(sample[int(place + slack)]) if place + slack < len(sample) else -math.inf
    return low, high


def _within(values: Array, low: float, high: float) -> tuple[int, Array]:
    """How many lie above `high`, and those of the others that lie above `low`."""
    if low == -math.inf and high == math.inf:
        return 0, values[values > low]  # many that are gone would slow the ordering down
    above, inside = 0, []
    for piece in _pieces(values):
        over = piece > high
        above += int(np.count_nonzero(over))
        inside.append(piece[over ^ (piece > low)])
    return above, np.concatenate(inside)


def _pieces(values: Array) -> Iterator[Array]:
    yield from (values[start : start + PIECE] for start in range(0, len(values) or 1, PIECE))


def _array(scores: Tensor) -> Array:
    """The same memory; a copy for types that numpy lacks or is slow with."""
    narrow = scores.dtype in (torch.bfloat16, torch.float16)
    return (scores.float() if narrow else scores).numpy()
