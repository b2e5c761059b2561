"""Schedules by rule, and when two schedules are the same."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fairprune.errors import SpecError
from fairprune.schedules.values import Schedule, Segment, epochs_text, rate_text

_SAMPLES = tuple(k / 8 for k in range(1, 8))  # where `same` looks between two breakpoints
_TOLERANCE = 1e-6


def empty() -> Schedule:
    """The schedule of 0 epochs; its text is "none"."""
    return Schedule()


def halving(start: float, final: float, epochs: float) -> Schedule:
    """Steps by the halving rule (Wang et al. 2023, arXiv:2301.05219, appendix A).

    Each stage takes min(30, ceil(remaining / 2)) epochs, the rate is divided by 10 after each, and the stage at the
    final rate takes what is left. Raises SpecError where the rule does not reach the final rate.
    """
    name = f"schedule 'halving:{rate_text(start)}->{rate_text(final)} total:{epochs_text(epochs)}'"
    ratio = start / final if final > 0 else 0.0
    divisions = round(math.log10(ratio)) if 0 < ratio < math.inf else -1
    if divisions < 0 or not math.isclose(start / 10**divisions, final, rel_tol=1e-9):
        raise SpecError(f"{name}: expected a final rate that is the starting rate divided by 1, 10, 100 ...")
    if epochs != int(epochs):
        raise SpecError(f"{name}: expected whole epochs (scaled-to: takes fractions)")
    left, segments = int(epochs), []
    for division in range(divisions):
        length = min(30, math.ceil(left / 2))
        rate = float(f"{start / 10**division:.12g}")
        segments.append(Segment(length, "constant", rate, rate))
        left -= length
    if left <= 0:
        raise SpecError(f"{name}: too short to reach its final rate; build it at the full length and add scaled-to:")
    return Schedule((*segments, Segment(left, "constant", final, final)))


def same(a: Schedule, b: Schedule) -> bool:
    """Whether two schedules are the same function of the epoch, up to 1e-6 of an epoch and of the rate.

    Sampled at 7 points between any two neighbouring breakpoints of either, so every stage is looked at, however short.
    """
    if a == b:
        return True
    if abs(a.total - b.total) > _TOLERANCE:
        return False
    return all(_alike(*stretch) for stretch in _stretches(a, b))


def _stretches(a: Schedule, b: Schedule) -> Iterator[tuple[float, float, Segment, float, Segment, float]]:
    """From and to where one segment of each runs, and these two with the epochs at which they begin."""
    low, starts, places = 0.0, [0.0, 0.0], [0, 0]
    while places[0] < len(a.segments) and places[1] < len(b.segments):
        ends = a.ends[places[0]], b.ends[places[1]]
        high = min(ends)
        if high - low > _TOLERANCE:
            yield low, high, a.segments[places[0]], starts[0], b.segments[places[1]], starts[1]
        for side, end in enumerate(ends):
            if end == high:
                starts[side], places[side] = end, places[side] + 1
        low = high


def _alike(low: float, high: float, a: Segment, a_start: float, b: Segment, b_start: float) -> bool:
    if a.shape == b.shape == "constant":
        return math.isclose(a.first, b.first, rel_tol=1e-6, abs_tol=1e-12)
    epochs = (low + part * (high - low) for part in _SAMPLES)
    return all(
        math.isclose(a.at(epoch - a_start), b.at(epoch - b_start), rel_tol=1e-6, abs_tol=1e-12) for epoch in epochs
    )
