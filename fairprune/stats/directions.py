"""The probability that correlated t statistics stay below a bound, integrated over directions."""

from __future__ import annotations

from functools import lru_cache
from itertools import count, islice

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtr, ndtri

from fairprune.stats.roots import root

_DIRECTIONS = 2**15
_ALIKE = 64  # directions of nearly the same reach that count as one: an error of 1e-5 or so
_AT_ONCE = 4_000_000  # numbers held while all pairs of many methods are looked at


def reached(rows: NDArray[np.float64], df: int, level: float, between: tuple[float, float]) -> float:
    """The c with P(max |T_i| <= c) = level, for T = rows u R: rows [k, rank] of length 1, the root of a correlation.

    u is uniform on the sphere and R^2 / rank distributed as F(rank, df), so that P(max |T_i| <= c) is the mean over u
    of F_cdf((c / max |rows u|)^2 / rank) (Deak 1980; Genz and Bretz 2009, section 4.1). The directions are 32,768
    points of a lattice, the same in every call. `between` are a bound below and one above.
    """
    k, rank = rows.shape
    parts = np.array_split(_directions(rank), 1 + k * _DIRECTIONS // _AT_ONCE)
    reaches = np.concatenate([np.abs(part @ rows.T).max(axis=1) for part in parts])
    reach = np.sort(reaches).reshape(-1, _ALIKE).mean(axis=1)  # F_cdf is smooth, and takes all the time
    return root(lambda c: float(fdtr(rank, df, (c / reach) ** 2 / rank).mean()) - level, *between, within=1e-9)


@lru_cache(maxsize=4)
def _directions(rank: int) -> NDArray[np.float64]:
    """Points spread evenly over the unit sphere: [32768, rank]. Multiples of roots of primes (Richtmyer 1951)."""
    primes = islice((n for n in count(2) if all(n % d for d in range(2, int(n**0.5) + 1))), rank)
    points = np.arange(1, _DIRECTIONS + 1)[:, None] * np.sqrt(list(primes)) % 1.0
    normal = ndtri(points)
    return np.asarray(normal / np.linalg.norm(normal, axis=1, keepdims=True), dtype=np.float64)
