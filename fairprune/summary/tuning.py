"""Trials as they are shown: the mean of each rate on validation, for every method and target, and the best."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairprune.expand import Point
from fairprune.record import Record
from fairprune.spec import Target
from fairprune.study import Study
from fairprune.summary.build import briefs
from fairprune.summary.cells import scale_of


@dataclass(frozen=True)
class Tried:
    """The rates of one retraining of one method at one target; `target` is None for the dense network.

    `means` are over the tuning seeds, None where a run failed or diverged, so that the rate is not chosen.
    """

    task: str
    retraining: str
    method: str
    target: Target | None
    rates: tuple[float, ...]
    means: tuple[float | None, ...]
    unit: str
    best: float | None

    @property
    def edge(self) -> bool:
        """Whether the best rate is the smallest or the largest, so that a better one may lie beyond."""
        return self.best in (min(self.rates), max(self.rates))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        target = None if self.target is None else self.target.value
        return {**vars(self), "target": target, "rates": list(self.rates), "means": list(self.means), "edge": self.edge}


def tried(
    study: Study, named: Mapping[str, tuple[str, float]], points: Sequence[Point], records: Mapping[str, Record]
) -> tuple[Tried, ...]:
    """What the runs of a study of trials say. `named`: its retrainings, as `fairprune.tuning.trials` names them.

    The best mean is chosen, the smallest rate of equal ones; higher is better unless the endpoint says otherwise.
    """
    own = briefs(points, records)
    scale = scale_of(study.endpoint, own.values())
    groups: dict[tuple[str, str, str, Target | None], dict[float, list[float | None]]] = {}
    for point in points:
        retraining, rate = named[point.labels["retraining"]]
        key = point.labels["task"], retraining, point.labels["method"], point.spec.target
        run = own.get(point.id)
        value = scale.of(run, "validation") if run and run.status == "done" else None
        groups.setdefault(key, {}).setdefault(rate, []).append(value)
    sign = -1 if scale.direction == "lower" else 1
    found = []
    for key, by_rate in groups.items():
        means = {rate: _mean(values) for rate, values in sorted(by_rate.items())}
        known = {rate: sign * mean for rate, mean in means.items() if mean is not None}
        best = max(known, key=lambda rate: (known[rate], -rate), default=None)
        found.append(Tried(*key, tuple(means), tuple(means.values()), scale.unit, best))
    return tuple(found)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known and len(known) == len(values) else None
