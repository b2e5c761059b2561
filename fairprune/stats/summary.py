"""One sample: mean, deviation and the interval of its mean; the error of a published proportion."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from fairprune.stats.student import quantile


@dataclass(frozen=True)
class Description:
    """A sample of `n` values. `std` has n - 1 in its denominator; with one value it and the interval are None."""

    n: int
    mean: float
    std: float | None
    low: float | None
    high: float | None
    level: float


def describe(values: Iterable[float], level: float = 0.95) -> Description:
    """Mean and its t interval, mean +- t[(1 + level) / 2, n - 1] * std / sqrt(n) (Student 1908).

    The interval supposes that the values are independent and roughly normal: seeds are, epochs of one run are not.
    Raises ValueError without values, or with one that is not finite.
    """
    sample = [float(value) for value in values]
    if not sample or not all(map(math.isfinite, sample)):
        raise ValueError(f"expected at least one value, all finite, not {sample}")
    n, mean = len(sample), math.fsum(sample) / len(sample)
    if n == 1:
        return Description(1, mean, None, None, None, level)
    std = math.sqrt(math.fsum((value - mean) ** 2 for value in sample) / (n - 1))
    half = quantile((1 + level) / 2, n - 1) * std / math.sqrt(n)
    return Description(n, mean, std, mean - half, mean + half, level)


def binomial_error(p: float, n: int) -> float:
    """The standard error sqrt(p (1 - p) / n) of a proportion `p` (a fraction) seen on `n` test images.

    For published numbers, of which nothing else is known: it holds the sampling of the test set and nothing of seeds.
    """
    if not (0 <= p <= 1 and n > 0):
        raise ValueError(f"expected a proportion in 0..1 of n > 0 images, not {p} of {n}")
    return math.sqrt(p * (1 - p) / n)
