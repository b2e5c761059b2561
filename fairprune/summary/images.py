"""The sampling of test images: intervals that resample seeds and images, from per-example correctness."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fairprune import stats
from fairprune.canonical import digest_bytes
from fairprune.errors import StoreError
from fairprune.store import Store
from fairprune.summary.briefs import Brief
from fairprune.summary.cells import Scale
from fairprune.summary.values import Comparison, Spread

Correct = Callable[[Brief], NDArray[np.bool_] | None]  # correctness of every test image [n], or None


def correct_in(store: Store) -> Correct:
    """The correctness of every test image, as the record's blob in the store has it; None where it is not there."""

    def correct(run: Brief) -> NDArray[np.bool_] | None:
        if not run.correct:
            return None
        try:
            found = store.arrays(run.correct)
        except StoreError:  # a damaged blob costs this interval, not the report; `status` names the damage
            return None
        return np.unpackbits(found["correct"], count=int(found["n"])).view(bool)

    return correct


class Answers:
    """The correctness of runs, each read once and kept as bits, and sums over it.

    `noted` are sums of before, by the digests of what they are of, so that they hold for good; `used` are those that
    were asked for.
    """

    def __init__(self, correct: Correct, noted: Mapping[str, Sequence[int]] | None = None) -> None:
        self._correct = correct
        self._noted = noted or {}
        self._bits: dict[str, tuple[NDArray[np.uint8], int] | None] = {}
        self._sizes: dict[str, int | None] = {}
        self.used: dict[str, Sequence[int]] = {}

    def sums(self, runs: Sequence[Brief], controls: Sequence[Brief], scale: Scale) -> stats.Sums | None:
        """Sums over the runs, or over their differences from controls with the same seeds, where there are controls.

        None unless all bits are there, of one test split, and those of the endpoints, and some seeds are common.
        """
        every = (*runs, *controls)
        self._sizes.update((run.id, self._images(run, scale)) for run in every if run.id not in self._sizes)
        sizes = {self._sizes[run.id] for run in every}
        if len(sizes) != 1 or None in sizes:
            return None
        if controls and not {run.seeds for run in runs} & {run.seeds for run in controls}:
            return None
        key = digest_bytes(repr([[(run.seeds, _name(run)) for run in group] for group in (runs, controls)]).encode())
        found = self._noted.get(key) or self.used.get(key)
        if found is None:
            own, others = ({run.seeds: self._of(run) for run in group} for group in (runs, controls))
            found = list(vars(stats.sums_of(own, others if controls else None)).values())
        self.used[key] = found
        return stats.Sums(*found)

    def _images(self, run: Brief, scale: Scale) -> int | None:
        """How many images the run's bits are of; None unless they are there, and those of its endpoint."""
        name = _name(run)
        found = self._noted.get(name) or self.used.get(name)
        if found is None:
            kept = self._packed(run)
            found = [int(np.bitwise_count(kept[0]).sum()), kept[1]] if kept else [0, 0]
        right, images = found
        value = scale.of(run)
        if not images or value is None:
            return None
        self.used[name] = found
        return images if math.isclose(right / images * scale.factor, value, abs_tol=1e-6) else None

    def _packed(self, run: Brief) -> tuple[NDArray[np.uint8], int] | None:
        if run.id not in self._bits:
            found = self._correct(run)
            self._bits[run.id] = None if found is None else (np.packbits(found), len(found))
        return self._bits[run.id]

    def _of(self, run: Brief) -> NDArray[np.bool_]:
        kept = self._packed(run)
        assert kept is not None
        return np.unpackbits(kept[0], count=kept[1]).view(bool)


def _name(run: Brief) -> str:
    """What its bits are noted under: their digest, or, where they are not of the store, the run."""
    return run.correct or run.id


def resampled(runs: Sequence[Brief], scale: Scale, confidence: float, answers: Answers) -> Spread | None:
    """Mean and interval over seeds and test images; None unless every record's bits are those of its endpoint."""
    sums = answers.sums(runs, (), scale)
    if sums is None:
        return None
    seen = stats.over_both(sums, confidence)
    low, mean, high = (value * scale.factor for value in (seen.low, seen.estimate, seen.high))
    return Spread(n=seen.seeds, mean=mean, low=low, high=high)


def over_images(
    comparison: Comparison,
    runs: Sequence[Brief],
    controls: Sequence[Brief],
    scale: Scale,
    confidence: float,
    answers: Answers,
) -> Comparison:
    """The comparison with the sampling of test images in an interval of its own, over the seeds that both have."""
    if comparison.low is None or comparison.high is None or not controls:
        return comparison
    sums = answers.sums(runs, controls, scale)
    if sums is None:
        return comparison
    seen = stats.over_both(sums, confidence)
    error = seen.image_error * scale.factor
    low, high = stats.widened(comparison.low, comparison.high, error, seen.images, confidence, comparison.family)
    return comparison.model_copy(update={"image_low": low, "image_high": high})
