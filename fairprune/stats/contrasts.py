"""Methods against one control, and all against all, from the additive model of seeds and methods."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from fairprune.errors import SpecError, unknown
from fairprune.stats.dunnett import critical_value

# method -> seed -> value; cells may be missing. Seeds are anything hashable: Any, as Mapping is invariant in its key.
Table: TypeAlias = Mapping[str, Mapping[Any, float]]
Verdict = Literal["better", "worse", "not separated", "not estimable"]
_Pair = tuple[str, str]  # the first minus the second
_NO_NOISE = 1e-10  # residuals this far below the values are rounding, not variance


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
    pairs = {name: [(m, control) for m in table if m != control] for name, table in tables.items()}
    return _judged(tables, pairs, level, higher_is_better)


def all_pairs(
    tables: Mapping[str, Table], level: float = 0.95, *, higher_is_better: bool = True
) -> dict[str, list[Contrast]]:
    """Every two methods of each table, corrected as one family: `method` minus `control`, which comes after it.

    Model, intervals, p-values and verdicts are those of `families`, for all pairs (so Tukey's intervals, not
    Dunnett's). This family holds the other, so a pair with the control that is separated here is separated there, too.
    "better" is transitive within a table: one bound on |t| serves all its pairs, and standard errors keep the triangle
    inequality.
    """
    pairs = {name: list(combinations(table, 2)) for name, table in tables.items()}
    return _judged(tables, pairs, level, higher_is_better)


def _judged(
    tables: Mapping[str, Table], pairs: Mapping[str, Sequence[_Pair]], level: float, higher_is_better: bool
) -> dict[str, list[Contrast]]:
    fits = {name: _fit(table, pairs[name]) for name, table in tables.items()}
    tested = sum(fit.tests > 0 for fit in fits.values())
    each = 1 - (1 - level) / max(tested, 1)
    raw = {name: _intervals(table, pairs[name], fits[name], each) for name, table in tables.items()}
    flat = [contrast for group in raw.values() for contrast in group]
    adjusted = iter(holm([c.p for c in flat if c.p is not None]))
    family = sum(c.p is not None for c in flat)

    def finish(c: Contrast) -> Contrast:
        if c.p is None:
            return replace(c, level=level, family=family)
        return _judge(replace(c, level=level, family=family, p_adjusted=next(adjusted)), higher_is_better)

    return {name: [finish(c) for c in group] for name, group in raw.items()}


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p-values, max over j <= i of min(1, (m - j + 1) p_(j)) for the i-th smallest of m (Holm 1979)."""
    adjusted, worst = [0.0] * len(p), 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        worst = max(worst, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = worst
    return adjusted


@dataclass(frozen=True)
class _Fit:
    """Differences of the estimable pairs, their covariance over the residual variance, and that variance."""

    differences: dict[_Pair, float]
    covariance: NDArray[np.float64]  # [pairs, pairs], in the order of `differences`
    variance: float
    df: int

    @property
    def tests(self) -> int:
        return len(self.differences) if self.df > 0 and self.variance > 0 else 0


def _fit(table: Table, pairs: Sequence[_Pair]) -> _Fit:
    cells = _finite_cells(table)
    methods = [method for method, row in table.items() if row]
    known = [(a, b) for a, b in pairs if a in methods and b in methods]
    if not known:
        return _Fit({}, np.zeros((0, 0)), 0.0, 0)
    seeds = list(dict.fromkeys(seed for _, seed, _ in cells))
    design = np.zeros((len(cells), len(methods) + len(seeds)))
    for row, (method, seed, _) in enumerate(cells):
        design[row, [methods.index(method), len(methods) + seeds.index(seed)]] = 1.0
    values = np.array([y for _, _, y in cells])
    centred = values - values.mean()
    inverse = np.linalg.pinv(design)
    onto_rows = inverse @ design  # projects onto the row space; its trace is the rank
    effects = inverse @ centred
    square_sum = float(((centred - design @ effects) ** 2).sum())
    df = len(cells) - round(float(np.trace(onto_rows)))
    noise = square_sum > (_NO_NOISE * float(np.abs(values).max())) ** 2 * len(cells)

    unit = np.eye(design.shape[1])
    rows = np.array([unit[methods.index(a)] - unit[methods.index(b)] for a, b in known])
    # A contrast is estimable where it lies in the row space of the design: seeds must link the two methods.
    linked = np.isclose(rows @ onto_rows, rows, atol=1e-8).all(axis=1)
    root = rows[linked] @ inverse
    estimable = [pair for pair, is_linked in zip(known, linked, strict=True) if is_linked]
    differences = dict(zip(estimable, (rows[linked] @ effects).tolist(), strict=True))
    return _Fit(differences, root @ root.T, square_sum / df if df and noise else 0.0, df)


def _finite_cells(table: Table) -> list[tuple[str, Hashable, float]]:
    cells = [(method, seed, float(y)) for method, row in table.items() for seed, y in row.items()]
    for method, seed, y in cells:
        if not math.isfinite(y):
            raise ValueError(f"method '{method}', seed {seed}: expected a finite value, not {y}")
    return cells


def _intervals(table: Table, pairs: Sequence[_Pair], fit: _Fit, level: float) -> list[Contrast]:
    """The contrasts of one table with its simultaneous intervals and unadjusted p-values."""
    scale = np.sqrt(np.diag(fit.covariance))
    critical = critical_value(fit.covariance / np.outer(scale, scale), fit.df, level) if fit.tests else 0.0
    errors = scale * math.sqrt(fit.variance)
    tails = 2 * stdtr(fit.df, -np.abs(list(fit.differences.values())) / errors) if fit.tests else np.zeros_like(scale)
    known = dict(zip(fit.differences, zip(errors.tolist(), tails.tolist(), strict=True), strict=True))
    found = []
    for method, control in pairs:
        difference, reason = fit.differences.get((method, control)), _why_not(table, control, method, fit)
        shared = len(table[method].keys() & table.get(control, {}).keys())
        contrast = Contrast(method, control, level, shared, difference=difference, reason=reason)
        if difference is not None and not reason:
            error, p = known[method, control]
            low, high = difference - critical * error, difference + critical * error
            contrast = replace(contrast, std_error=error, df=fit.df, low=low, high=high, p=p)
        found.append(contrast)
    return found


def _why_not(table: Table, control: str, method: str, fit: _Fit) -> str:
    for name in (control, method):
        if not table.get(name):
            return f"'{name}' has no result"
    if (method, control) not in fit.differences:
        return f"no seed links '{method}' and '{control}'"
    if fit.df == 0:
        return "too few seeds: nothing is left to estimate the variance from"
    return "" if fit.variance > 0 else "no variance between seeds"


def _judge(c: Contrast, higher_is_better: bool) -> Contrast:
    if c.difference is None or c.low is None or c.high is None or c.p_adjusted is None:
        return c
    separated = (c.low > 0 or c.high < 0) and c.p_adjusted <= 1 - c.level
    if not separated:
        return replace(c, verdict="not separated")
    return replace(c, verdict="better" if (c.difference > 0) == higher_is_better else "worse")
