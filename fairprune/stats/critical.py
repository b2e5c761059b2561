"""Critical values for several correlated t statistics at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtr

from fairprune.stats.directions import reached
from fairprune.stats.roots import root
from fairprune.stats.student import quantile

Array = NDArray[np.float64]

_ALIKE = 1e-9  # correlations this close are equal: they are sums of few fractions
_SMOOTH = 0.9  # correlation up to which the integrand is smooth enough for its points
_NO_VARIANCE = 1e-8  # eigenvalues this small are rounding
_MOST = 8_000  # statistics times dimensions from which the bound is taken, since integrating takes seconds
_FAR = 8.5  # standard deviations beyond which nothing lies


def critical_value(correlation: Array, df: int, level: float = 0.95) -> float:
    """The c with P(max |T_i| <= c) = level for k statistics T_i that are jointly t with `df` and `correlation` [k, k].

    With the correlations of many-against-one contrasts (1/2 in a complete table) this is the two-sided value of
    Dunnett (1955). For equal correlations it is a double integral and right to 1e-6, for k = 1 Student's, for others
    see `value_along`.
    """
    k = len(correlation)
    between = correlation[~np.eye(k, dtype=bool)]
    if k == 1:
        return quantile((1 + level) / 2, df)
    if float(np.ptp(between)) <= _ALIKE and 0 <= between[0] <= _SMOOTH:
        return _equal(k, round(float(between[0]), 9), df, level)
    return value_along(_root(correlation), df, level)


@lru_cache(maxsize=256)
def critical_range(methods: int, df: int, level: float = 0.95) -> float:
    """The same for all pairs of methods whose differences have one variance: the studentized range over the root of 2.

    Tukey (1953); P(range <= q s) is the mean over s of m times the integral of phi(z) (Phi(z) - Phi(z - q s))^(m - 1).
    """
    z, weights = _normal(-_FAR)

    def below(reach: Array) -> Array:
        inside = ndtr(z) - ndtr(z - math.sqrt(2) * reach[:, None])
        return np.asarray(methods * (inside ** (methods - 1) @ weights))

    return _solved(below, methods * (methods - 1) // 2, df, level)


def value_along(rows: Array, df: int, level: float = 0.95) -> float:
    """The same for T = rows u R, rows of length 1 [k, rank]: whatever the correlations.

    By directions (`directions.reached`), right to about 0.001. Where that would take long, the bound of Sidak (1967)
    for any correlations, the studentized maximum modulus, which is larger: for all pairs of 30 methods by a hundredth,
    of 100 by three.
    """
    k, rank = rows.shape
    single, most = (quantile(1 - (1 - level) / (2 * tests), df) for tests in (1, k))
    if k == 1:
        return single
    if k * rank > _MOST:
        return _equal(k, 0.0, df, level)
    return reached(rows, df, level, (0.98 * single, 1.02 * most))  # the slack is for the error of the integration


@lru_cache(maxsize=256)
def _equal(k: int, correlation: float, df: int, level: float) -> float:
    """T_i = (sqrt(rho) Z0 + sqrt(1 - rho) Z_i) / s: independent, given Z0 and s; even in Z0."""
    z, weights = _normal(0.0)
    own, shared = math.sqrt(1 - correlation), math.sqrt(correlation) * z

    def below(reach: Array) -> Array:
        upper, lower = (shared + reach[:, None]) / own, (shared - reach[:, None]) / own
        return np.asarray(2 * ((ndtr(upper) - ndtr(lower)) ** k @ weights))

    return _solved(below, k, df, level)


def _solved(below: Callable[[Array], Array], tests: int, df: int, level: float) -> float:
    """The c at which P(max |T_i| <= c) is the level; `below` gives P(max |T_i| s <= reach), for reaches [n]."""
    s, weights = _deviation(df)
    least, most = (quantile(1 - (1 - level) / (2 * count), df) for count in (1, tests))
    return root(lambda c: float(weights @ below(c * s)) - level, 0.999 * least, 1.001 * most)


def _legendre(low: float, high: float, points: int) -> tuple[Array, Array]:
    x, weights = np.polynomial.legendre.leggauss(points)
    return (high - low) / 2 * x + (high + low) / 2, (high - low) / 2 * weights


def _normal(low: float) -> tuple[Array, Array]:
    """Points from `low` to where the normal distribution ends, and its density times their weights."""
    z, weights = _legendre(low, _FAR, 48 if low == 0 else 96)
    return z, weights * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)


def _deviation(df: int) -> tuple[Array, Array]:
    """Points and weights for a standard deviation on `df` degrees of freedom, over the true one: chi / sqrt(df)."""
    half = 8 / math.sqrt(2 * df)
    s, weights = _legendre(max(0.0, 1 - half), 1 + half, 64)
    log = math.log(2) + df / 2 * math.log(df / 2) - gammaln(df / 2) + (df - 1) * np.log(s) - df * s**2 / 2
    return s, weights * np.exp(log)


def _root(correlation: Array) -> Array:
    """L with L L' = correlation: Cholesky's [k, k], or [k, rank] where statistics depend on one another linearly."""
    values, vectors = np.linalg.eigh(correlation)
    known = values > _NO_VARIANCE * len(values)
    found = np.linalg.cholesky(correlation) if known.all() else vectors[:, known] * np.sqrt(values[known])
    return np.asarray(found, dtype=np.float64)
