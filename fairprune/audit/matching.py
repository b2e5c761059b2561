"""What matches what, of two numbers or of two arrays of them. Unknown numbers are nan, which equals nothing."""

from __future__ import annotations

from typing import Any

from fairprune.audit.result import Result
from fairprune.schedules import same

_SAME_EPOCHS = 1e-6


def rates_match(x: Any, y: Any, reach: float, *, granted: bool) -> Any:
    """Whether logarithms of a rate lie within reach, or one is unknown and granted."""
    gap = abs(x - y)
    return (gap <= reach) | (gap != gap) if granted else gap <= reach


def same_epochs(x: Any, y: Any) -> Any:
    """Whether as many epochs were trained (SX-A)."""
    return abs(x - y) <= _SAME_EPOCHS


def same_cost(x: Any, large: Any, y: Any, other: Any, short: Any) -> Any:
    """Whether two costs are one budget (SX-B), given the largest networks trained and whether retraining was left out.

    Epochs are whole, so half an epoch of the largest network is no difference; nor is what Liu et al. cut off, an epoch
    of the smaller one.
    """
    gap = abs(x - y)
    return (gap <= large / 2) | (gap <= other / 2) | ((gap <= large) & (gap <= other) & short)


def same_schedule(a: Result, b: Result) -> bool:
    """Whether the schedules of all stages are the same, end to end (S4.2-overall)."""
    return a.schedule is not None and b.schedule is not None and same(a.schedule, b.schedule)
