"""What a study may claim beyond a difference: that two are equal, and what it could have seen."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from scipy.special import nctdtr

from fairprune.stats.judged import Contrast
from fairprune.stats.roots import root
from fairprune.stats.student import above, quantile


@dataclass(frozen=True)
class Equivalence:
    """Whether a difference lies within +-margin; None where it has no standard error. Not corrected for a family."""

    margin: float
    level: float
    p: float | None
    equivalent: bool | None


def equivalence(of: Contrast | Sequence[float], margin: float, level: float = 0.95) -> Equivalence:
    """Two one-sided t tests (Schuirmann 1987) of a contrast, or of paired differences, one per seed.

    p = max(P(T >= (d + margin) / se), P(T <= (d - margin) / se)); equivalent where p <= 1 - level. The margin has the
    unit of the values (0.005 is half a point of a fraction) and is to be declared before the study runs.
    """
    if not margin > 0:
        raise ValueError(f"expected a margin > 0, not {margin}")
    if isinstance(of, Contrast):
        difference, error, df = of.difference, of.std_error, of.df
    else:
        difference = statistics.fmean(of)
        error = statistics.stdev(of) / math.sqrt(len(of)) if len(of) > 1 else None
        df = len(of) - 1
    if difference is None or not error or not df:
        return Equivalence(margin, level, None, None)
    p = max(above((difference + margin) / error, df), above((margin - difference) / error, df))
    return Equivalence(margin, level, p, p <= 1 - level)


def detectable(std_error: float, df: int, level: float = 0.95, power: float = 0.8, family: int = 1) -> float:
    """The true difference that a two-sided t test would have found with probability `power`, in the unit of the error.

    The test is at (1 - level) / family (Bonferroni, which is Holm's first and strictest step). Found means: significant
    and with the right sign, P(T > t[1 - (1 - level) / (2 family), df]) = power for T noncentral t with d / se.
    """
    alpha = (1 - level) / family
    if not (std_error > 0 and df >= 1 and alpha < power < 1):
        raise ValueError(f"expected an error > 0, df >= 1 and power in {alpha:g}..1, not {std_error}, {df}, {power}")
    return std_error * _shift(df, alpha, power)


@lru_cache(maxsize=1024)
def _shift(df: int, alpha: float, power: float) -> float:
    """The difference over its standard error that is found with that power: the same for all of a complete table."""
    critical = quantile(1 - alpha / 2, df)

    def excess(shift: float) -> float:
        return 1 - float(nctdtr(df, shift, critical)) - power

    top = critical + 1.0
    while excess(top) < 0:
        top *= 1.5
    return root(excess, 0.0, top)
