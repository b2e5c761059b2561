"""A study with synthetic records, for summaries and reports."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from fairprune.canonical import digest
from fairprune.expand import Point
from fairprune.record import Environment, LedgerEntry, Metric, Parent, Record, Size
from fairprune.spec import Method, Recipe, Retraining, RunSpec, Target
from fairprune.study import Study, parse_study

DENSE = Size(params=100_000, macs=4_000_000)
ENVIRONMENT = Environment(
    fairprune="0.1.0",
    python="3.11.9",
    torch="2.13.0",
    platform="Linux-6.1",
    processor="a processor",
    device="cpu",
    threads=2,
    deterministic=True,
)


@dataclass(frozen=True)
class Synthetic:
    """A study with records that were drawn, not measured."""

    study: Study
    points: tuple[Point, ...]
    records: Mapping[str, Record]


@pytest.fixture
def synthetic() -> Callable[..., Synthetic]:
    """make(methods={name: (granularity, loss in points per doubling)}, **fields of the study) -> Synthetic."""

    def make(methods: Mapping[str, tuple[str, float]], noise: float = 0.4, **fields: Any) -> Synthetic:
        study = _study(methods, fields)
        points = tuple(_points(study))
        rng = np.random.default_rng(7)
        losses = {name: loss for name, (_, loss) in methods.items()}
        records = {p.id: _record(p, losses.get(p.labels["method"], -0.2), noise * rng.normal()) for p in points}
        return Synthetic(study, points, records)

    return make


def _study(methods: Mapping[str, tuple[str, float]], fields: Mapping[str, Any]) -> Study:
    table: dict[str, Any] = {
        "name": "example",
        "targets": [2, 4, 8, 16],
        "task": {"data": "digits", "network": "digits_cnn", "pretrain": {"schedule": "constant:0.1 total:20"}},
        "retraining": {"finetune": {"schedule": "constant:0.01 total:5"}},
        "methods": {n: {"criterion": n.split("-")[0], "granularity": g} for n, (g, _) in methods.items()},
    }
    return parse_study(table | dict(fields))


def _points(study: Study) -> list[Point]:
    found = []
    for (task_name, task), (name, entry) in itertools.product(study.tasks.items(), study.retraining.items()):
        shared = {"task": task, "data_digests": {"test": "a" * 64}, "versions": {}}
        retraining = Retraining(kind=entry.kind, recipe=Recipe(schedule=entry.schedule or "constant:0.1 total:20"))
        labels = {"study": study.name, "task": task_name, "retraining": name}
        for base, run in study.seed_pairs:
            fields = shared | {"base_seed": base, "run_seed": run, "retraining": retraining}
            if entry.kind == "finetune":
                found.append(_point(labels | {"method": "dense"}, fields | {"kind": "dense"}))
            kind = "scratch" if entry.kind.startswith("scratch") else "prune"
            for (method_name, method), value in itertools.product(study.methods.items(), study.targets):
                if entry.granularity in ("any", method.granularity):
                    more = {"kind": kind, "method": method, "target": Target(axis=study.axis, value=value)}
                    found.append(_point(labels | {"method": method_name}, fields | more))
    return found


def _point(labels: dict[str, str], fields: dict[str, Any]) -> Point:
    spec = RunSpec(**fields)
    return Point(spec, labels, digest({"labels": labels, "spec": spec.model_dump(mode="json")})[:16])


def _record(point: Point, loss: float, noise: float) -> Record:
    spec = point.spec
    factor = spec.target.value if spec.target else 1.0
    base = 0.95 + 0.004 * (spec.base_seed - 1)
    doublings = math.log2(factor) + (0.5 if spec.target is None else 0.0)
    final = min(base - (loss * doublings + noise) / 100, 1.0)
    measured = [("test", "base", base, 360), ("test", "final", final, 360)]
    if spec.method:
        measured.append(("validation", "pruned", base - 3 * loss * doublings / 100, 144))
    stages = [("pretrain", f"pretrain-{spec.base_seed}"), ("measure", f"base-{spec.base_seed}")]
    stages += [("retrain", f"retrain-{point.id}"), ("measure", f"final-{point.id}")]
    return Record(
        id=point.id,
        status="done",
        spec=spec,
        labels=dict(point.labels),
        stages=tuple(Parent(stage=kind, key=key, digest=f"digest of {key}") for kind, key in stages),
        ledger=tuple(_entry(kind) for kind, _ in stages),
        metrics=tuple(
            Metric(name="top1", split=split, when=when, value=value, unit="fraction", n=n)
            for split, when, value, n in measured
        ),
        dense=DENSE,
        small=_small(spec.method, factor),
        environment=ENVIRONMENT,
        finished="2026-01-02T03:04:05Z",
    )


def _entry(kind: Any) -> LedgerEntry:
    return LedgerEntry(stage=kind, seconds=2.0, multiply_adds=1e9, test_looks=int(kind == "measure"), executed="small")


def _small(method: Method | None, factor: float) -> Size:
    slower = 0.9 if method and method.granularity == "weight" else 1.2
    macs = DENSE.macs / (1 + (factor - 1) * slower)
    return Size(params=round(DENSE.params / factor), macs=round(macs))
