"""The uncertainty of seeds and of test images together, from per-example correctness."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fairprune.stats.student import quantile

Correct: TypeAlias = Mapping[
    Any, NDArray[np.bool_]
]  # seed -> correctness of each test image [n], the same images in all


@dataclass(frozen=True)
class Resampled:
    """An accuracy, or a paired difference of two, as a fraction, and its interval over seeds and images.

    `seed_error` is None with one seed: the interval is then that of this one network over other test images.
    """

    estimate: float
    low: float
    high: float
    level: float
    seed_error: float | None
    image_error: float
    seeds: int
    images: int


def resample(
    correct: Correct, control: Correct | None = None, *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> Resampled:
    """Bootstrap of seeds and of images for the mean accuracy, or its difference from a control on the same seeds.

    Seeds and images are crossed (every network sees the same images), so each is resampled for all of the other.
    Images: n of n with replacement. Seeds: S - 1 of S, which makes the variance of a mean of few unbiased (Rao and Wu
    1988). With half widths h = t[S - 1] seed_error and t[n - 1] image_error, the interval is estimate +- the root of
    the sum of their squares: percentiles over 3 seeds would be far too narrow. What both errors contain, seeds that
    disagree about single images, is taken off once (as in two-way clustering, Cameron, Gelbach and Miller 2011).

    Raises ValueError without a (common) seed or where the numbers of images differ.
    """
    cells = _cells(correct, control)
    seeds, images = cells.shape
    # Images with the same column are interchangeable: at most 3^S kinds of them, however large the test set.
    kinds, counts = np.unique(cells, axis=1, return_counts=True)
    by_seed, by_kind = cells.mean(axis=1), kinds.mean(axis=0)
    estimate = float(by_seed.mean())
    rng = np.random.default_rng(seed)
    picked = rng.multinomial(images, counts / images, size=draws)
    image_error = float((picked @ by_kind).std() / images)
    half = _quantile(level, images) * image_error
    if seeds == 1:
        return Resampled(estimate, estimate - half, estimate + half, level, None, image_error, 1, images)
    chosen = rng.multinomial(seeds - 1, np.full(seeds, 1 / seeds), size=draws)
    seed_error = float((chosen @ by_seed).std() / (seeds - 1))
    residual = kinds - by_seed[:, None] - by_kind + estimate
    shared = float((residual**2 @ counts).sum()) / ((seeds - 1) * max(images - 1, 1) * cells.size)
    own = _quantile(level, images) * math.sqrt(max(image_error**2 - shared, 0.0))
    half = math.hypot(_quantile(level, seeds) * seed_error, own)
    return Resampled(estimate, estimate - half, estimate + half, level, seed_error, image_error, seeds, images)


def widened(low: float, high: float, image_error: float, images: int, level: float, family: int) -> tuple[float, float]:
    """An interval of a difference over seeds, with the sampling of test images added as an independent error.

    The half width becomes the root of the sum of its square and (t image_error) ** 2, t at (1 - level) / family: so
    intervals that were simultaneous over a family stay so (Bonferroni). On the safe side, since what seeds and images
    share is in both.
    """
    quantile = _quantile(1 - (1 - level) / max(family, 1), images)
    half = math.hypot((high - low) / 2, quantile * image_error)
    return (low + high) / 2 - half, (low + high) / 2 + half


def _quantile(level: float, n: int) -> float:
    return quantile((1 + level) / 2, max(n - 1, 1))


def _cells(correct: Correct, control: Correct | None) -> NDArray[np.int8]:
    """[seeds, images]: 0 or 1; for a difference -1, 0 or 1, over the seeds that both have."""
    seeds = [s for s in correct if control is None or s in control]
    if not seeds:
        raise ValueError("no seeds to resample" if control is None else "method and control have no seed in common")
    rows = [correct[s] for s in seeds] + [control[s] for s in seeds if control is not None]
    if len({np.shape(row) for row in rows}) > 1 or np.ndim(rows[0]) != 1 or not len(rows[0]):
        raise ValueError(f"expected one vector of the same images per seed, not {[np.shape(row) for row in rows]}")
    bits = np.array(rows, dtype=bool).astype(np.int8)
    return bits if control is None else bits[: len(seeds)] - bits[len(seeds) :]
