"""Trainability read off a retraining curve: how well, how fast, and whether it had converged when the rate dropped.

A curve has one row an epoch; row i was measured at the end of epoch i + 1, or of the schedule, if that comes first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from scipy.special import stdtrit

from fairprune.schedules import Schedule

Rows = Sequence[Mapping[str, float | None]]  # of a stored curve; None: not finite

SHARE = 0.95  # of the final accuracy
LEVEL = 0.95  # of the slope's interval
_TOLERANCE = 1e-6  # epochs, relative: breakpoints and sums of steps are not exact


@dataclass(frozen=True)
class Stage:
    """The first learning-rate stage of a schedule: `end` in epochs, `rate` that it trains at."""

    end: float
    rate: float


@dataclass(frozen=True)
class Slope:
    """Gain per epoch of a straight line by least squares, with the interval of Student's t on n - 2 degrees."""

    value: float
    low: float
    high: float
    n: int  # epochs

    @property
    def rising(self) -> bool:
        """Whether all of the interval is above 0: training had not converged."""
        return self.low > 0


def first_stage(schedule: Schedule) -> Stage | None:
    """The first stage of a schedule by stages, a single one included; None for any other schedule (a cosine).

    A warm-up belongs to the stage that it leads to (ours; the paper's schedules have none).
    """
    warm = _warm_ups(schedule)
    stages = schedule.segments[warm:]
    if not stages or any(segment.shape != "constant" for segment in stages):
        return None
    return Stage(schedule.ends[warm], stages[0].first)


def starting_rate(schedule: Schedule) -> float | None:
    """The rate that training starts from, behind a warm-up; None where nothing is trained."""
    if not schedule.segments:
        return None
    return schedule.at(schedule.ends[0]) if _warm_ups(schedule) else schedule.initial_rate


def _warm_ups(schedule: Schedule) -> int:
    """1 if the schedule begins with a straight line from 0, else 0."""
    return sum(segment.shape == "linear" and segment.first == 0 for segment in schedule.segments[:1])


def trainability(rows: Rows, quantity: str, schedule: Schedule) -> float | None:
    """T, the mean accuracy over the epochs of the first learning-rate stage (Wang et al. 2023, 2301.05219, equation 1).

    `quantity` is the curve's column: validation accuracy (ours, the paper looks at test images). An epoch in which the
    stage ends does not count. None where the schedule has no stages, or the stage no whole epoch. Comparable under one
    schedule only.
    """
    stage = first_stage(schedule)
    values = _within(rows, quantity, schedule, 0.0, stage.end) if stage else []
    return fmean(value for _, value in values) if values else None


def epochs_to_share(rows: Rows, quantity: str, share: float = SHARE) -> float | None:
    """The first epoch after which the quantity has reached that share of its last value; None for an empty curve.

    Of quantities of which more is better, and the last epoch's, even if an earlier checkpoint was kept. At least one
    epoch, since a curve begins after the first.
    """
    final = rows[-1][quantity] if rows else None
    if final is None:
        return None
    reached = (row["epoch"] for row in rows if (value := row[quantity]) is not None and value >= share * final)
    return next(reached, None)


def convergence(rows: Rows, quantity: str, schedule: Schedule) -> Slope | None:
    """The slope of a quantity over the last third of the first learning-rate stage, with its 95 % interval.

    The interval supposes that epochs scatter independently about a line; they follow one another, so it is somewhat
    too narrow. None where the schedule has no stages, or that third fewer than three epochs.
    """
    stage = first_stage(schedule)
    points = _within(rows, quantity, schedule, stage.end * 2 / 3, stage.end) if stage else []
    return _line(points) if len(points) > 2 else None


def _within(rows: Rows, quantity: str, schedule: Schedule, start: float, end: float) -> list[tuple[float, float]]:
    """(epoch, value) of the rows measured after `start` and not after `end`; empty where one is not finite."""
    low, high = start * (1 + _TOLERANCE), end * (1 + _TOLERANCE)
    ends = (min(index + 1, schedule.total) for index in range(len(rows)))
    found = [(epoch, row[quantity]) for epoch, row in zip(ends, rows, strict=True) if low < epoch <= high]
    known = [(epoch, value) for epoch, value in found if value is not None and math.isfinite(value)]
    return known if len(known) == len(found) else []


def _line(points: Sequence[tuple[float, float]]) -> Slope:
    n, middle = len(points), fmean(epoch for epoch, _ in points)
    mean = fmean(value for _, value in points)
    width = math.fsum((epoch - middle) ** 2 for epoch, _ in points)
    slope = math.fsum((epoch - middle) * value for epoch, value in points) / width
    rest = math.fsum((value - mean - slope * (epoch - middle)) ** 2 for epoch, value in points)
    half = float(stdtrit(n - 2, (1 + LEVEL) / 2)) * math.sqrt(rest / (n - 2) / width)
    return Slope(slope, slope - half, slope + half, n)
