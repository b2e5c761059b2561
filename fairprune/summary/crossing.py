"""Crossed recipes as they are shown: the four means, the effects, the verdict, for every task and target."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairprune import stats
from fairprune.expand import Point
from fairprune.record import Record
from fairprune.study import Study
from fairprune.summary.briefs import Brief
from fairprune.summary.build import briefs
from fairprune.summary.cells import Scale, scale_of

Pair = tuple[str, str]


@dataclass(frozen=True)
class Crossed:
    """Two methods under two recipes, at one target of one task. `means` is [method][recipe]; None: no run ended."""

    task: str
    target: str
    methods: Pair
    recipes: Pair
    unit: str
    level: float
    means: tuple[tuple[float | None, float | None], tuple[float | None, float | None]]
    found: stats.Crossing

    @property
    def text(self) -> str:
        """The verdict as a sentence."""
        verdict = self.found.verdict
        if verdict in ("the first method", "the second method"):
            better = self.methods[verdict != "the first method"]
            return f"{better} is better under both recipes: the gain is the method's"
        if verdict == "an interaction":
            how = "the order of the methods flips" if self.found.flips else "the methods' difference changes"
            return f"{how} with the recipe: an interaction, so neither is better by itself"
        return f"the methods are {verdict}" + (" with so few seeds" if verdict == "not estimable" else "")

    def to_json(self) -> dict[str, Any]:
        """Plain values; effects are first minus second, in `unit`."""
        found = self.found
        effects = {name: getattr(found, name) for name in ("method", "recipe", "interaction")}
        return {
            "task": self.task,
            "target": self.target,
            "methods": list(self.methods),
            "recipes": list(self.recipes),
            "unit": self.unit,
            "level": self.level,
            "seeds": found.seeds,
            "means": [list(row) for row in self.means],
            "effects": {name: vars(seen) if seen else None for name, seen in effects.items()},
            "simple": [vars(seen) if seen else None for seen in found.simple],
            "verdict": found.verdict,
            "text": self.text,
        }


def crossings(
    study: Study,
    points: Sequence[Point],
    records: Mapping[str, Record],
    methods: Pair,
    recipes: Pair,
    level: float = 0.95,
) -> tuple[Crossed, ...]:
    """The 2 x 2 split at every task and target; seeds that did not complete all four combinations are left out."""
    own = briefs(points, records)
    scale = scale_of(study.endpoint, own.values())
    places = dict.fromkeys((p.labels["task"], str(p.spec.target)) for p in points if p.spec.kind == "prune")
    found = []
    for task, target in places:
        here = [p for p in points if (p.labels["task"], str(p.spec.target)) == (task, target)]
        values = {(i, j): _values(here, own, scale, m, r) for i, m in enumerate(methods) for j, r in enumerate(recipes)}
        (one, two), (three, four) = ((_mean(values[i, 0]), _mean(values[i, 1])) for i in (0, 1))
        split = stats.cross(values, level, higher_is_better=scale.direction != "lower")
        found.append(Crossed(task, target, methods, recipes, scale.unit, level, ((one, two), (three, four)), split))
    return tuple(found)


def _values(
    points: Sequence[Point], records: Mapping[str, Brief], scale: Scale, method: str, recipe: str
) -> dict[tuple[int, int], float]:
    """(base_seed, run_seed) -> the endpoint, of runs that are done."""
    found = {}
    for point in points:
        record = records.get(point.id)
        if (
            record
            and record.status == "done"
            and (point.labels["method"], point.labels["retraining"]) == (method, recipe)
        ):
            value = scale.of(record)
            if value is not None:
                found[point.spec.base_seed, point.spec.run_seed] = value
    return found


def _mean(values: Mapping[Any, float]) -> float | None:
    return statistics.fmean(values.values()) if values else None
