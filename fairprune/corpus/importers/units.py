"""From what papers print to the corpus' units: rates as dense over pruned, accuracies in percent."""

from __future__ import annotations

from typing import Literal

NEAR = 0.18  # how far a count may lie from the usual one, by its own convention, and still be the same
DIGITS = 6


def rate_from_kept(percent: float) -> float | None:
    """Dense over pruned where this percentage is kept: 2 for 50. None for what is no part, or nothing at all."""
    return 100 / percent if 0 < percent <= 100 else None


def kept_from_rate(rate: float) -> float:
    """The percentage that is kept: 50 for 2."""
    return 100 / rate


def rate_from_saved(percent: float) -> float | None:
    """Dense over pruned where this percentage is saved: 4 for 75. None where nothing is left, or more than all."""
    return rate_from_kept(100 - percent)


def saved_from_rate(rate: float) -> float:
    """The percentage that is saved: 75 for 4."""
    return 100 - kept_from_rate(rate)


def rate_from_sizes(dense: float, pruned: float) -> float | None:
    """Dense over pruned. None where the pruned one is the larger, or nothing."""
    return dense / pruned if 0 < pruned <= dense else None


def accuracy_from_error(percent: float) -> float:
    """Percent right where this percentage is wrong."""
    return rounded(100 - percent)


def percent(fraction: float) -> float:
    """Percent, without the tail that binary fractions have."""
    return rounded(100 * fraction)


def rounded(value: float) -> float:
    """A figure without the tail that sums of binary fractions have."""
    return round(value, DIGITS) + 0.0  # no -0.0


def unit_of(counted: float, macs: float) -> Literal["macs", "2x macs"] | None:
    """What a count of operations counts, where the network is known to have these multiply-adds; None for neither."""
    if abs(counted / macs - 1) <= NEAR:
        return "macs"
    return "2x macs" if abs(counted / macs / 2 - 1) <= NEAR else None
