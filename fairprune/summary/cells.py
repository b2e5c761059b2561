"""Cells: the runs of one method at one target, and what they say."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fairprune import stats
from fairprune.expand import Point
from fairprune.summary.briefs import Brief, Kind
from fairprune.summary.cost import cost
from fairprune.summary.values import Cell, Measured, Range, Replicate, Spread


@dataclass(frozen=True)
class Scale:
    """How the endpoint is shown: fractions in percent, everything else as measured."""

    endpoint: str
    direction: Literal["higher", "lower", "none"] = "none"
    unit: str = ""
    factor: float = 1.0

    def of(self, run: Brief, split: str = "test", when: str = "final") -> float | None:
        """The endpoint of a run in the unit shown, or None where it was not measured."""
        value = run.metric(self.endpoint, split, when)
        return None if value is None else value * self.factor


def scale_of(endpoint: str, runs: Iterable[Brief]) -> Scale:
    """The endpoint's unit and direction as the records have them; neutral while there is no record."""
    for run in runs:
        for kind in run.kinds.every:
            if kind.name == endpoint:
                percent = kind.unit == "fraction"
                return Scale(endpoint, kind.direction, "%" if percent else kind.unit, 100.0 if percent else 1.0)
    return Scale(endpoint)


def cell(points: Sequence[Point], records: Mapping[str, Brief], scale: Scale, confidence: float) -> Cell:
    """The cell of points that differ in their seeds only."""
    spec = points[0].spec
    runs = tuple(replicate(point, records.get(point.id), scale) for point in points)
    done = [run for run in runs if run.state == "done"]
    ended = [records[run.id] for run in done]
    return Cell(
        method=points[0].labels["method"],
        granularity=spec.method.granularity if spec.method else "",
        target=str(spec.target) if spec.target else "",
        amount=spec.target.value if spec.target else None,
        runs=runs,
        counts=dict(Counter(run.state for run in runs)),
        bases=len({run.base for run in ended}),
        endpoint=spread([run.value for run in done], scale, confidence),
        pruned=spread([run.pruned for run in done], scale, confidence),
        compression=_range([run.compression for run in done]),
        speedup=_range([run.speedup for run in done]),
        measured=measured(ended),
        cost=cost(ended),
    )


def replicate(point: Point, record: Brief | None, scale: Scale) -> Replicate:
    """One run: what became of it. A run without a usable endpoint is never counted as done."""
    seeds: dict[str, Any] = {"id": point.id, "base_seed": point.spec.base_seed, "run_seed": point.spec.run_seed}
    if record is None:
        return Replicate(**seeds, state="missing")
    value = scale.of(record)
    if record.status == "done" and value is None:
        return Replicate(**seeds, state="failed", reason=f"no {scale.endpoint} on the test split in its record")
    return Replicate(
        **seeds,
        state=record.status,
        reason=record.reason,
        value=value,
        pruned=scale.of(record, "validation", "pruned"),
        compression=record.compression,
        speedup=record.speedup,
        on_target=record.on_target,
    )


def measured(runs: Iterable[Brief]) -> tuple[Measured, ...]:
    """What was measured besides the task's own metrics."""
    found: dict[tuple[str, str], list[tuple[Kind, float]]] = {}
    for run in runs:
        for n, kind in run.kinds.besides:
            found.setdefault((kind.name, kind.when), []).append((kind, run.numbers[n]))
    return tuple(
        Measured(name=name, when=when, unit=group[0][0].unit, n=len(group), **over([v for _, v in group]).model_dump())
        for (name, when), group in found.items()
    )


def base_spread(
    points: Sequence[Point], records: Mapping[str, Brief], scale: Scale, confidence: float
) -> Spread | None:
    """The dense networks before pruning, on the test split, each counted once however many runs share it.

    Initialisations, and bases that methods have trained with penalties of their own, are not among them.
    """
    shared = (p.id for p in points if p.spec.method is None or p.spec.method.start == "trained")
    runs = (records[id] for id in shared if id in records)
    return spread(list({run.base: scale.of(run, when="base") for run in runs}.values()), scale, confidence)


def spread(values: Iterable[float | None], scale: Scale, confidence: float) -> Spread | None:
    """Mean, deviation and t interval of the values that are there; None where none is.

    An interval of percentages ends at 0 and 100: no true mean lies beyond, so its coverage is the same.
    """
    known = [value for value in values if value is not None]
    if not known:
        return None
    seen = stats.describe(known, confidence)
    low, high = seen.low, seen.high
    if scale.unit == "%" and low is not None and high is not None:
        low, high = max(low, 0.0), min(high, 100.0)
    return Spread(n=seen.n, mean=seen.mean, std=seen.std, low=low, high=high)


def _range(values: Iterable[float | None]) -> Range | None:
    known = [value for value in values if value is not None]
    return over(known) if known else None


def over(values: Sequence[float]) -> Range:
    """Mean, smallest and largest of some values; there is at least one."""
    return Range(mean=math.fsum(values) / len(values), min=min(values), max=max(values))
