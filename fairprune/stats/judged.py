"""Comparisons of methods, as values: one, and all of a table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Verdict = Literal["better", "worse", "not separated", "not estimable"]
Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Contrast:
    """A method minus the control, in the unit of the values. None where the data cannot say; `reason` says why.

    `low` and `high` hold for the whole family at once, `p` is for this contrast alone, `p_adjusted` is Holm's over
    the `family` contrasts. `pairs` counts the seeds that method and control share.
    """

    method: str
    control: str
    level: float
    pairs: int
    family: int = 0
    difference: float | None = None
    std_error: float | None = None
    df: int | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    verdict: Verdict = "not estimable"
    reason: str = ""


@dataclass(frozen=True)
class Judged:
    """The comparisons of one table, first method minus second: arrays [pairs], NaN where nothing can be said.

    There may be very many, so a `Contrast` is made of one when it is asked for.
    """

    names: tuple[str, ...]  # every method of the table
    first: Index
    second: Index
    level: float
    family: int
    df: int
    seeds: Index  # that both have
    difference: Array
    std_error: Array
    low: Array
    high: Array
    p: Array
    adjusted: Array
    better: NDArray[np.int64]  # 1: the first is separated and better; -1: the second; 0: neither, or not estimable
    reasons: Mapping[int, str]  # why pairs are not estimable

    def __len__(self) -> int:
        return len(self.first)

    def __iter__(self) -> Iterator[Contrast]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, n: int) -> Contrast:
        """The comparison of one pair."""
        method, control = self.names[self.first[n]], self.names[self.second[n]]
        difference, reason = _number(self.difference[n]), self.reasons.get(n, "")
        shared = int(self.seeds[n])
        if reason:
            return Contrast(method, control, self.level, shared, self.family, difference, reason=reason)
        return Contrast(
            method,
            control,
            self.level,
            shared,
            self.family,
            difference,
            float(self.std_error[n]),
            self.df,
            float(self.low[n]),
            float(self.high[n]),
            float(self.p[n]),
            float(self.adjusted[n]),
            {1: "better", -1: "worse"}.get(int(self.better[n]), "not separated"),  # type: ignore[arg-type]
        )


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
