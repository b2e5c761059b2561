"""Critical values for several correlated t statistics at once."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import fdtr
from scipy.stats import norm, qmc

from fairprune.stats.student import quantile

_LOG2_DIRECTIONS = 15
_ALIKE = 8  # directions of nearly the same reach that count as one
_NO_VARIANCE = 1e-8  # eigenvalues this small are rounding


def critical_value(correlation: NDArray[np.float64], df: int, level: float = 0.95) -> float:
    """The c with P(max |T_i| <= c) = level for k statistics T_i that are jointly t with `df` and `correlation` [k, k].

    With the correlations of many-against-one contrasts (1/2 in a complete table) this is the two-sided value of
    Dunnett (1955); with those of all pairs of a complete table, that of the studentized range over the root of 2 (Tukey
    1953). Computed by integrating over directions: T = L u R with L L' = correlation of rank r, u uniform on the sphere
    in r dimensions and R^2 / r distributed as F(r, df), so that P(max |T_i| <= c) is the mean over u of
    F_cdf((c / max |L u|)^2 / r) (Deak 1980; Genz and Bretz 2009, section 4.1). The directions are 32,768 rotated Sobol
    points, the same in every call, which is right to about 0.001 (0.005 for all pairs of 40); for k = 1 the value is
    Student's, exactly.
    """
    rounded = np.round(correlation, 9)  # so that equal designs share a cache entry
    return _critical_value(tuple(map(tuple, rounded.tolist())), df, level)


@lru_cache(maxsize=256)
def _critical_value(correlation: tuple[tuple[float, ...], ...], df: int, level: float) -> float:
    k = len(correlation)
    single, bonferroni = (quantile(1 - (1 - level) / (2 * tests), df) for tests in (1, k))
    if k == 1:
        return single
    root = _root(np.array(correlation))
    rank = root.shape[1]
    parts = np.array_split(_directions(rank), 1 + k // 32)  # all pairs of many methods would take much memory at once
    reaches = np.concatenate([np.abs(part @ root.T).max(axis=1) for part in parts])
    reach = np.sort(reaches).reshape(-1, _ALIKE).mean(axis=1)  # F_cdf is smooth, and takes all the time

    def excess(c: float) -> float:
        return float(fdtr(rank, df, (c / reach) ** 2 / rank).mean()) - level

    # The value lies between the two bounds; the slack is for the error of the integration.
    return float(brentq(excess, 0.98 * single, 1.02 * bonferroni, xtol=1e-9))


def _root(correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """L with L L' = correlation: Cholesky's [k, k], or [k, rank] where statistics depend on one another linearly."""
    values, vectors = np.linalg.eigh(correlation)
    known = values > _NO_VARIANCE * len(values)
    root = np.linalg.cholesky(correlation) if known.all() else vectors[:, known] * np.sqrt(values[known])
    return np.asarray(root, dtype=np.float64)


def _directions(k: int) -> NDArray[np.float64]:
    """Points spread evenly over the unit sphere: [32768, k]."""
    shift = np.random.default_rng(0).random(k)  # a fixed rotation keeps Sobol's zeros away from the normal quantile
    points = (qmc.Sobol(k, scramble=False).random_base2(_LOG2_DIRECTIONS) + shift) % 1.0
    normal = norm.ppf(points)
    return np.asarray(normal / np.linalg.norm(normal, axis=1, keepdims=True), dtype=np.float64)
