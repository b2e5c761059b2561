"""The additive model, value = seed + method + noise, by least squares over the cells of a table that there are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

# method -> seed -> value; cells may be missing. Seeds are anything hashable: Any, as Mapping is invariant in its key.
Table: TypeAlias = Mapping[str, Mapping[Any, float]]
Array = NDArray[np.float64]

_NO_NOISE = 1e-10  # residuals this far below the values are rounding, not variance


@dataclass(frozen=True)
class Fit:
    """Of m methods that have values, in the table's order.

    Differences of methods are estimable where seeds link them, directly or through others: where `group` is the same.
    The covariance of a difference is that of `spread`, times the variance. `shared` counts the seeds of two methods.
    """

    place: Mapping[str, int]  # of each method in what follows
    effects: Array  # [m]
    spread: Array  # [m, m]
    shared: NDArray[np.int64]  # [m, m]
    group: NDArray[np.int64]  # [m]
    variance: float  # pooled over all methods; 0: none is left, or none is seen
    df: int

    def along(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> Array:
        """The variance of differences of methods, over that of the noise: [pairs]."""
        own = np.diag(self.spread)
        return np.maximum(own[first] + own[second] - 2 * self.spread[first, second], 0.0)


def fit(table: Table) -> Fit:
    """The fit. Raises ValueError for a value that is not finite.

    Seeds are taken out first (each value less its seed's mean), which leaves m normal equations for the methods.
    """
    methods = [method for method, row in table.items() if row]
    seeds = {seed: n for n, seed in enumerate(dict.fromkeys(seed for row in table.values() for seed in row))}
    there, values = np.zeros((len(methods), len(seeds))), np.zeros((len(methods), len(seeds)))
    for n, method in enumerate(methods):
        columns = [seeds[seed] for seed in table[method]]
        there[n, columns], values[n, columns] = 1.0, list(table[method].values())
    _check_finite(table, values)
    per_seed = np.maximum(there.sum(axis=0), 1.0)
    within = (values - values.sum(axis=0) / per_seed) * there
    equations = np.diag(there.sum(axis=1)) - (there / per_seed) @ there.T
    shared, group = np.rint(there @ there.T).astype(np.int64), _groups(there)
    spread = _inverse(equations, complete=bool(there.all()), seeds=len(seeds))
    effects = spread @ within.sum(axis=1)
    fitted = (effects[:, None] - (effects @ there) / per_seed) * there
    cells, squares = int(there.sum()), float(((within - fitted) ** 2).sum())
    df = cells - len(seeds) - len(methods) + len(set(group.tolist()))
    noise = squares > (_NO_NOISE * float(np.abs(values).max(initial=0.0))) ** 2 * cells
    variance = squares / df if df and noise else 0.0
    return Fit({name: n for n, name in enumerate(methods)}, effects, spread, shared, group, variance, df)


def _check_finite(table: Table, values: Array) -> None:
    if not np.isfinite(values).all():
        wrong = ((m, seed, y) for m, row in table.items() for seed, y in row.items() if not math.isfinite(y))
        raise ValueError("method '{}', seed {}: expected a finite value, not {}".format(*next(wrong)))


def _inverse(equations: Array, *, complete: bool, seeds: int) -> Array:
    """The generalised inverse of the normal equations; those of a complete table are seeds (1 - J / m)."""
    if complete and len(equations):
        return np.asarray((np.eye(len(equations)) - 1 / len(equations)) / seeds)
    return np.asarray(np.linalg.pinv(equations, hermitian=True)) if len(equations) else equations


def _groups(there: Array) -> NDArray[np.int64]:
    """A number for each method, the same for those that seeds link: [m]."""
    group = np.arange(len(there)) * (not there.all())
    for column in there.T.astype(bool):
        linked = np.unique(group[column])
        if len(linked) > 1:
            group[np.isin(group, linked)] = linked[0]
    return group
