"""The sampling of test images: intervals that resample seeds and images, from per-example correctness."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from fairprune import stats
from fairprune.errors import StoreError
from fairprune.record import Record
from fairprune.store import Store
from fairprune.summary.cells import Scale
from fairprune.summary.values import Spread

Correct = Callable[[Record], NDArray[np.bool_] | None]  # correctness of every test image [n], or None


def correct_in(store: Store) -> Correct:
    """The correctness of every test image, as the record's blob in the store has it; None where it is not there."""

    def correct(record: Record) -> NDArray[np.bool_] | None:
        if not record.correct or not store.has_blob(record.correct):
            return None
        try:
            tensors, _ = store.tensors(record.correct)
        except StoreError:  # a damaged blob costs this interval, not the report; `status` names the damage
            return None
        return np.unpackbits(tensors["correct"].numpy(), count=int(tensors["n"])).astype(bool)

    return correct


def resampled(records: Sequence[Record], scale: Scale, confidence: float, correct: Correct) -> Spread | None:
    """Mean and interval over seeds and test images; None unless every record's bits are those of its endpoint."""
    found = {}
    for record in records:
        bits, value = correct(record), scale.of(record)
        if bits is None or value is None or not math.isclose(bits.mean() * scale.factor, value, abs_tol=1e-6):
            return None
        found[record.id] = bits
    if not found or len({len(bits) for bits in found.values()}) > 1:
        return None
    seen = stats.resample(found, level=confidence)
    low, mean, high = (value * scale.factor for value in (seen.low, seen.estimate, seen.high))
    return Spread(n=seen.seeds, mean=mean, low=low, high=high)
