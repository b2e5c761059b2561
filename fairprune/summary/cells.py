"""Cells: the runs of one method at one target, and what they say."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fairprune import stats
from fairprune.expand import Point
from fairprune.record import Metric, Record
from fairprune.summary.cost import cost
from fairprune.summary.values import Cell, Measured, Range, Replicate, Spread


@dataclass(frozen=True)
class Scale:
    """How the endpoint is shown: fractions in percent, everything else as measured."""

    endpoint: str
    direction: Literal["higher", "lower", "none"] = "none"
    unit: str = ""
    factor: float = 1.0

    def of(self, record: Record, split: str = "test", when: str = "final") -> float | None:
        """The endpoint of a record in the unit shown, or None where it was not measured."""
        value = record.metric(self.endpoint, split, when)
        return None if value is None else value * self.factor


def scale_of(endpoint: str, records: Iterable[Record]) -> Scale:
    """The endpoint's unit and direction as the records have them; neutral while there is no record."""
    for record in records:
        for metric in record.metrics:
            if metric.name == endpoint:
                percent = metric.unit == "fraction"
                return Scale(endpoint, metric.direction, "%" if percent else metric.unit, 100.0 if percent else 1.0)
    return Scale(endpoint)


def cell(points: Sequence[Point], records: Mapping[str, Record], scale: Scale, confidence: float) -> Cell:
    """The cell of points that differ in their seeds only."""
    spec = points[0].spec
    runs = tuple(replicate(point, records.get(point.id), scale) for point in points)
    done = [run for run in runs if run.state == "done"]
    return Cell(
        method=points[0].labels["method"],
        granularity=spec.method.granularity if spec.method else "",
        target=str(spec.target) if spec.target else "",
        amount=spec.target.value if spec.target else None,
        runs=runs,
        counts=dict(Counter(run.state for run in runs)),
        bases=len({base_of(records[run.id]) for run in done}),
        endpoint=spread([run.value for run in done], scale, confidence),
        pruned=spread([run.pruned for run in done], scale, confidence),
        compression=_range([run.compression for run in done]),
        speedup=_range([run.speedup for run in done]),
        measured=measured([records[run.id] for run in done]),
        cost=cost([records[run.id] for run in done]),
    )


def replicate(point: Point, record: Record | None, scale: Scale) -> Replicate:
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


def measured(records: Iterable[Record]) -> tuple[Measured, ...]:
    """What was measured besides the task's own metrics, which are those that the test split has too."""
    found: dict[tuple[str, str], list[Metric]] = {}
    for record in records:
        own = {metric.name for metric in record.metrics if metric.split == "test"}
        for metric in record.metrics:
            if metric.name not in own:
                found.setdefault((metric.name, metric.when), []).append(metric)
    return tuple(
        Measured(name=name, when=when, unit=group[0].unit, n=len(group), **over([m.value for m in group]).model_dump())
        for (name, when), group in found.items()
    )


def base_of(record: Record) -> str:
    """What tells base models apart: the digest of the first pretraining stage, else the seed that trained it.

    A method that trains a base of its own does so in a stage of its own.
    """
    own = record.spec.method is not None and record.spec.method.own_base
    digests = [parent.digest for parent in record.stages if parent.stage == ("sparsify" if own else "pretrain")]
    return digests[0] if digests else f"seed {record.spec.base_seed}"


def base_spread(records: Iterable[Record], scale: Scale, confidence: float) -> Spread | None:
    """The dense networks before pruning, on the test split, each counted once however many runs share it.

    Initialisations, and bases that methods have trained with penalties of their own, are not among them.
    """
    shared = [r for r in records if r.spec.method is None or r.spec.method.start == "trained"]
    return spread(list({base_of(r): scale.of(r, when="base") for r in shared}.values()), scale, confidence)


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
    return Range(mean=statistics.fmean(values), min=min(values), max=max(values))
