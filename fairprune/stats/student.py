"""Student's t distribution, as plain numbers: what scipy.stats does with arrays, without what it checks each time."""

from __future__ import annotations

from scipy.special import stdtr, stdtrit


def quantile(p: float, df: float) -> float:
    """The t that is exceeded with probability 1 - p."""
    return float(stdtrit(df, p))


def above(t: float, df: float) -> float:
    """P(T >= t); that of T <= t is `above(-t)`."""
    return float(stdtr(df, -t))
