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


def resample(correct: Correct, control: Correct | None = None, *, level: float = 0.95) -> Resampled:
    """Bootstrap of seeds and of images for the mean accuracy, or its difference from a control on the same seeds.

    Seeds and images are crossed (every network sees the same images), so each is resampled for all of the other.
    Images: n of n with replacement. Seeds: S - 1 of S, which makes the variance of a mean of few unbiased (Rao and Wu
    1988). Both errors are what drawing converges to: the deviation over images by the root of n, and that over seeds,
    with S - 1 in its denominator, by the root of S. With half widths h = t[S - 1] seed_error and t[n - 1] image_error,
    the interval is estimate +- the root of the sum of their squares: percentiles over 3 seeds would be far too narrow.
    What both errors contain, seeds that disagree about single images, is taken off once (as in two-way clustering,
    Cameron, Gelbach and Miller 2011).

    Raises ValueError without a (common) seed or where the numbers of images differ.
    """
    return over_both(sums_of(correct, control), level)


def over_both(sums: Sums, level: float) -> Resampled:
    """The same from sums over the cells, which are all that it needs."""
    seeds, images, estimate = sums.seeds, sums.images, sums.total / (sums.seeds * sums.images)
    image_error = math.sqrt(sums.between_images / images) / (seeds * images)
    if seeds == 1:
        half = _quantile(level, images) * image_error
        return Resampled(estimate, estimate - half, estimate + half, level, None, image_error, 1, images)
    seed_error = math.sqrt(sums.between_seeds / (seeds - 1)) / (seeds * images)
    shared = sums.residual / (seeds * images) / ((seeds - 1) * max(images - 1, 1) * seeds * images)
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


@dataclass(frozen=True)
class Sums:
    """Of the cells x [seeds, images], each 0 or 1, or -1, 0 or 1 for a difference. Integers, so nothing is lost."""

    seeds: int
    images: int
    total: int
    squares: int  # of the cells
    by_seed: int  # squares of each seed's sum, added up
    by_image: int  # squares of each image's sum, added up

    @property
    def between_seeds(self) -> int:
        """Squares of the seeds' sums about their mean, times the number of seeds."""
        return self.seeds * self.by_seed - self.total**2

    @property
    def between_images(self) -> int:
        """Squares of the images' sums about their mean, times the number of images."""
        return self.images * self.by_image - self.total**2

    @property
    def residual(self) -> int:
        """Squares of what seeds and images do not add up to, times the number of cells."""
        cells = self.seeds * self.images
        return cells * self.squares - self.seeds * self.by_seed - self.images * self.by_image + self.total**2


def sums_of(correct: Correct, control: Correct | None = None) -> Sums:
    """Sums of accuracies, or of differences over the seeds that both have. Raises what `resample` says."""
    seeds = [s for s in correct if control is None or s in control]
    if not seeds:
        raise ValueError("no seeds to resample" if control is None else "method and control have no seed in common")
    own, others = [correct[s] for s in seeds], [control[s] for s in seeds] if control is not None else []
    if len({np.shape(row) for row in (*own, *others)}) > 1 or np.ndim(own[0]) != 1 or not len(own[0]):
        raise ValueError(
            f"expected one vector of the same images per seed, not {[np.shape(r) for r in (*own, *others)]}"
        )
    by_seed = [int(np.count_nonzero(row)) for row in own]
    squares, by_image = sum(by_seed), _over_seeds(own)
    if others:
        by_seed = [a - int(np.count_nonzero(row)) for a, row in zip(by_seed, others, strict=True)]
        squares = sum(int(np.count_nonzero(a != b)) for a, b in zip(own, others, strict=True))
        by_image = by_image - _over_seeds(others)
    return Sums(len(seeds), len(own[0]), sum(by_seed), squares, sum(s**2 for s in by_seed), int((by_image**2).sum()))


def _over_seeds(rows: list[NDArray[np.bool_]]) -> NDArray[np.int64]:
    """How many seeds have each image right: [images]."""
    counted: NDArray[np.int64] = np.sum(np.asarray(rows, dtype=bool), axis=0, dtype=np.int64)
    return counted
