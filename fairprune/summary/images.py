"""The sampling of test images: intervals that resample seeds and images, from per-example correctness."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from fairprune import stats
from fairprune.errors import StoreError
from fairprune.store import Store
from fairprune.summary.brief import Brief
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


def remembered(correct: Correct) -> Correct:
    """The same, each record read once and kept as bits."""
    known: dict[str, tuple[NDArray[np.uint8], int] | None] = {}

    def remember(run: Brief) -> NDArray[np.bool_] | None:
        if run.id not in known:
            found = correct(run)
            known[run.id] = None if found is None else (np.packbits(found), len(found))
        kept = known[run.id]
        return None if kept is None else np.unpackbits(kept[0], count=kept[1]).view(bool)

    return remember


def resampled(runs: Sequence[Brief], scale: Scale, confidence: float, correct: Correct) -> Spread | None:
    """Mean and interval over seeds and test images; None unless every record's bits are those of its endpoint."""
    found = _bits(runs, scale, correct)
    if not found:
        return None
    seen = stats.resample(found, level=confidence)
    low, mean, high = (value * scale.factor for value in (seen.low, seen.estimate, seen.high))
    return Spread(n=seen.seeds, mean=mean, low=low, high=high)


def over_images(
    comparison: Comparison,
    runs: Sequence[Brief],
    controls: Sequence[Brief],
    scale: Scale,
    confidence: float,
    correct: Correct,
) -> Comparison:
    """The comparison with the sampling of test images in an interval of its own, over the seeds that both have."""
    own, other = (_bits(group, scale, correct) for group in (runs, controls))
    if comparison.low is None or comparison.high is None or not own.keys() & other.keys():
        return comparison
    if len({len(bits) for bits in (*own.values(), *other.values())}) > 1:
        return comparison
    seen = stats.resample(own, other, level=confidence)
    error = seen.image_error * scale.factor
    low, high = stats.widened(comparison.low, comparison.high, error, seen.images, confidence, comparison.family)
    return comparison.model_copy(update={"image_low": low, "image_high": high})


def _bits(runs: Sequence[Brief], scale: Scale, correct: Correct) -> dict[tuple[int, int], NDArray[np.bool_]]:
    """Correctness by pair of seeds; empty unless all bits are there, of one test split, and those of the endpoint."""
    found = {}
    for run in runs:
        bits, value = correct(run), scale.of(run)
        if bits is None or value is None or not len(bits):
            return {}
        if not math.isclose(np.count_nonzero(bits) / len(bits) * scale.factor, value, abs_tol=1e-6):
            return {}
        found[run.seeds] = bits
    return found if len({len(bits) for bits in found.values()}) == 1 else {}
