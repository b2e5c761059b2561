"""Timing several things in turn, and what their timings say: medians and ratios with 95 % intervals."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Timer: TypeAlias = Callable[[int], float]  # number of calls -> seconds that they took, one after the other
Rounds: TypeAlias = tuple[tuple[float, ...], ...]  # for each thing the seconds of a call, a value a round

LEVEL = 0.95
WARM = 0.2  # seconds that a thing runs before it counts, and at least twice: what is loaded or compiled at first use
BLOCK = 0.001  # seconds that one timing lasts at least: longer ones are cut into by whatever else wants the core
SHORT = 0.02  # seconds below which it counts whether a thing's data are in the caches, as they are where it runs alone
FEWEST, MOST = 7, 1000  # rounds, and at most so many calls in one; the median of less than 6 has no 95 % interval
DRAWS = 2000


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float


def in_turn(timers: Sequence[Timer], seconds: float, clock: Callable[[], float] = time.perf_counter) -> Rounds:
    """Each thing timed once in every round, for about `seconds` in all after they have warmed up.

    Whatever disturbs a machine for longer than a round (heat, other work) disturbs all of them, so that what is
    compared within rounds stays right where absolute times do not. Every other round goes backwards, so that none
    always follows the same one. At least 7 rounds, which may take longer than asked, and at most 1,000.
    """
    fastest = [_warmed(timer) for timer in timers]
    calls = [min(math.ceil(BLOCK / taken), MOST) if taken else MOST for taken in fastest]
    rounds: list[list[float]] = []
    start = clock()
    while len(rounds) < FEWEST or (len(rounds) < MOST and clock() - start < seconds):
        took = [0.0] * len(timers)
        order = range(len(timers)) if len(rounds) % 2 == 0 else reversed(range(len(timers)))
        for index in order:
            if fastest[index] < SHORT:
                timers[index](1)  # fills the caches
            took[index] = timers[index](calls[index]) / calls[index]
        rounds.append(took)
    return tuple(zip(*rounds, strict=True))


def _warmed(timer: Timer) -> float:
    """Run a thing until it is warm; the seconds of its fastest call, which nothing else cut into."""
    taken = [timer(1), timer(1)]
    while sum(taken) < WARM and len(taken) < MOST:
        taken.append(timer(1))
    return min(taken)


def median(values: ArrayLike) -> Estimate:
    """The median and its interval from order statistics, which supposes nothing of how the values are distributed.

    Of n sorted values it runs from the k-th to the k-th from the end, with the largest k for which at least k values
    lie below the true median with probability 97.5 %: n = 10 gives the 2nd and the 9th. Raises ValueError for n < 6.
    """
    ordered = _sorted(values)
    n, below, k = len(ordered), 1, 0
    while below / 2**n <= (1 - LEVEL) / 2:  # P(at most k values lie below)
        k += 1
        below += math.comb(n, k)
    return Estimate(float(np.median(ordered)), float(ordered[k - 1]), float(ordered[n - k]))


def quartiles(values: ArrayLike) -> tuple[float, float]:
    """First and third quartile, interpolated; between them lies the middle half."""
    first, third = np.quantile(np.asarray(values, dtype=float), (0.25, 0.75))
    return float(first), float(third)


def ratio(over: ArrayLike, under: ArrayLike, draws: int = DRAWS) -> Estimate:
    """The median over rounds of `over` divided by `under`, with the percentile bootstrap over rounds.

    Both were timed in the same rounds, so a round's quotient is free of what slowed both of them down. Rounds that
    follow each other are alike: they are drawn in circular blocks of the cube root of their number (Politis and Romano
    1992). Raises ValueError for less than 6 rounds, or numbers of them that differ.
    """
    quotients = np.asarray(over, dtype=float) / np.asarray(under, dtype=float)
    n = len(_sorted(quotients))
    block = math.ceil(n ** (1 / 3))
    starts = np.random.default_rng(0).integers(n, size=(draws, math.ceil(n / block), 1))
    picked = ((starts + np.arange(block)) % n).reshape(draws, -1)[:, :n]
    drawn = np.median(quotients[picked], axis=1)
    low, high = np.quantile(drawn, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Estimate(float(np.median(quotients)), float(low), float(high))


def _sorted(values: ArrayLike) -> NDArray[np.float64]:
    ordered = np.sort(np.asarray(values, dtype=float))
    if len(ordered) < 6:
        raise ValueError(f"expected the timings of at least 6 rounds, not {len(ordered)}")
    return ordered
