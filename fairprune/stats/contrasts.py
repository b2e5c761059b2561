"""Methods against one control, and all against all, from the additive model of seeds and methods."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from fairprune.errors import SpecError, unknown
from fairprune.stats.additive import Array, Fit, Table, fit
from fairprune.stats.critical import critical_range, critical_value, value_along
from fairprune.stats.judged import Contrast, Index, Judged

_ALIKE = 1e-9  # variances of differences this close, in relation, are equal


def contrasts(table: Table, control: str, level: float = 0.95, *, higher_is_better: bool = True) -> list[Contrast]:
    """Every method of one table against the control: `families` with one table. In the table's order."""
    return families({"": table}, control, level, higher_is_better=higher_is_better)[""]


def families(
    tables: Mapping[str, Table], control: str, level: float = 0.95, *, higher_is_better: bool = True
) -> dict[str, list[Contrast]]:
    """Every method against the control in each table (a target, say), corrected as one family.

    Model, per table: value = seed + method + noise, by least squares over the cells there are, with one variance
    pooled over all methods. A seed stands for all that its runs share (a pair of base_seed and run_seed, say). The
    differences are estimated within seeds, so a seed that only one method completed adds nothing to it.

    Intervals: simultaneous in each table by Dunnett (1955, two-sided, with the correlations of the design), at
    1 - (1 - level) / tables (Bonferroni across tables). P-values: two-sided t, adjusted by Holm (1979) over all
    contrasts of all tables. "better" or "worse" needs both, an interval without 0 and an adjusted p of at most
    1 - level, so no printed number contradicts the verdict; each alone keeps the family-wise error below 1 - level.

    Raises SpecError where no table knows the control, ValueError for a value that is not finite.
    """
    known = {method for table in tables.values() for method in table}
    if control not in known:
        raise SpecError(unknown("control", control, known))
    whole = {name: table if control in table else {**table, control: {}} for name, table in tables.items()}
    pairs = {name: _against(tuple(table), control) for name, table in whole.items()}
    return {name: list(found) for name, found in _judged(whole, pairs, level, higher_is_better).items()}


def all_pairs(tables: Mapping[str, Table], level: float = 0.95, *, higher_is_better: bool = True) -> dict[str, Judged]:
    """Every two methods of each table, corrected as one family: `method` minus `control`, which comes after it.

    Model, intervals, p-values and verdicts are those of `families`, for all pairs (so Tukey's intervals, not
    Dunnett's). This family holds the other, so a pair with the control that is separated here is separated there, too.
    "better" is transitive within a table: one bound on |t| serves all its pairs, and standard errors keep the triangle
    inequality.
    """
    pairs = {name: np.triu_indices(len(table), 1) for name, table in tables.items()}
    return _judged(tables, pairs, level, higher_is_better)


def _against(methods: tuple[str, ...], control: str) -> tuple[Index, Index]:
    others = np.array([n for n, method in enumerate(methods) if method != control], dtype=np.int64)
    return others, np.full(len(others), methods.index(control))


@dataclass(frozen=True)
class _Pairs:
    """Pairs of one table's methods, and what its fit says of them."""

    names: tuple[str, ...]
    first: Index
    second: Index
    fit: Fit
    a: Index  # places of the first in the fit; -1: it has no values
    b: Index
    linked: NDArray[np.bool_]  # [pairs]
    difference: Array
    scale: Array  # standard errors over the deviation of the noise

    @property
    def tested(self) -> NDArray[np.bool_]:
        """Pairs whose differences have an error: [pairs]."""
        return self.linked & (self.fit.df > 0) & (self.fit.variance > 0)


def _judged(
    tables: Mapping[str, Table], pairs: Mapping[str, tuple[Index, Index]], level: float, higher_is_better: bool
) -> dict[str, Judged]:
    asked = {name: _estimated(table, *pairs[name]) for name, table in tables.items()}
    each = 1 - (1 - level) / max(sum(bool(one.tested.any()) for one in asked.values()), 1)
    p = {name: _tails(one) for name, one in asked.items()}
    flat = np.concatenate([*p.values(), np.zeros(0)])
    adjusted, known = np.full(len(flat), np.nan), ~np.isnan(flat)
    adjusted[known] = holm(flat[known])
    split = np.split(adjusted, np.cumsum([len(values) for values in p.values()]))
    return {
        name: _finished(one, p[name], own, level, each, int(known.sum()), higher_is_better)
        for (name, one), own in zip(asked.items(), split, strict=False)  # nothing is left behind the last one
    }


def holm(p: Sequence[float] | Array) -> list[float]:
    """Adjusted p-values, max over j <= i of min(1, (m - j + 1) p_(j)) for the i-th smallest of m (Holm 1979)."""
    given = np.asarray(p, dtype=np.float64)
    order = np.argsort(given, kind="stable")
    adjusted = np.empty_like(given)
    adjusted[order] = np.maximum.accumulate(np.minimum(1.0, np.arange(len(given), 0, -1) * given[order]))
    return [float(value) for value in adjusted]


def _estimated(table: Table, first: Index, second: Index) -> _Pairs:
    found, names = fit(table), tuple(table)
    place = np.array([found.place.get(name, -1) for name in names], dtype=np.int64)
    a, b = place[first], place[second]
    linked = (a >= 0) & (b >= 0)
    linked[linked] = found.group[a[linked]] == found.group[b[linked]]
    difference, scale = np.full(len(a), np.nan), np.full(len(a), np.nan)
    difference[linked] = found.effects[a[linked]] - found.effects[b[linked]]
    scale[linked] = np.sqrt(found.along(a[linked], b[linked]))
    return _Pairs(names, first, second, found, a, b, linked, difference, scale)


def _tails(one: _Pairs) -> Array:
    """Two-sided p-values; NaN where there is none."""
    p, tested = np.full(len(one.first), np.nan), one.tested
    if tested.any():
        errors = one.scale[tested] * math.sqrt(one.fit.variance)
        p[tested] = 2 * stdtr(one.fit.df, -np.abs(one.difference[tested]) / errors)
    return p


def _finished(
    one: _Pairs, p: Array, adjusted: Array, level: float, each: float, family: int, higher_is_better: bool
) -> Judged:
    tested = one.tested
    errors = np.where(tested, one.scale * math.sqrt(one.fit.variance), np.nan)
    half = errors * (_critical(one, tested, each) if tested.any() else 0.0)
    low, high = one.difference - half, one.difference + half
    separated = ((low > 0) | (high < 0)) & (adjusted <= 1 - level)
    sign = np.where(separated, np.sign(np.nan_to_num(one.difference)), 0).astype(np.int64)
    reasons = {int(n): _why_not(one, int(n)) for n in np.flatnonzero(~tested)}
    return Judged(
        one.names,
        one.first,
        one.second,
        level,
        family,
        one.fit.df,
        _seeds(one),
        one.difference,
        errors,
        low,
        high,
        p,
        adjusted,
        sign if higher_is_better else -sign,
        reasons,
    )


def _critical(one: _Pairs, tested: NDArray[np.bool_], level: float) -> float:
    """The bound on |t| that all tested pairs of a table keep at once."""
    a, b, scale = one.a[tested], one.b[tested], one.scale[tested]
    spread, methods = one.fit.spread, len(np.union1d(a, b))
    if len(a) > 1 and len(a) == methods * (methods - 1) // 2 and float(np.ptp(scale)) <= _ALIKE * float(scale[0]):
        return critical_range(methods, one.fit.df, level)
    if (b == b[0]).all():
        c = b[0]
        covariance = spread[np.ix_(a, a)] - spread[a, c][:, None] - spread[a, c] + spread[c, c]
        return critical_value(covariance / np.outer(scale, scale), one.fit.df, level)
    values, vectors = np.linalg.eigh(spread)
    root = vectors[:, values > 1e-10] * np.sqrt(values[values > 1e-10])
    return value_along((root[a] - root[b]) / scale[:, None], one.fit.df, level)


def _seeds(one: _Pairs) -> Index:
    """The seeds that the two methods of each pair share."""
    both = (one.a >= 0) & (one.b >= 0)
    found = np.zeros(len(both), dtype=np.int64)
    found[both] = one.fit.shared[one.a[both], one.b[both]]
    return found


def _why_not(one: _Pairs, n: int) -> str:
    """Why a pair is not estimable."""
    method, control = one.names[one.first[n]], one.names[one.second[n]]
    for name in (control, method):
        if name not in one.fit.place:
            return f"'{name}' has no result"
    if not one.linked[n]:
        return f"no seed links '{method}' and '{control}'"
    if one.fit.df == 0:
        return "too few seeds: nothing is left to estimate the variance from"
    return "no variance between seeds"
