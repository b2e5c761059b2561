"""From the results of a run's stages to its record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairprune.execute.probing import curve_metrics
from fairprune.execute.runner import now
from fairprune.expand import Point
from fairprune.record import Metric, Parent, Record, Size, StageResult, Status
from fairprune.stages import Pipeline, Stage, pipeline
from fairprune.store import Store


def assemble(point: Point, results: Mapping[str, StageResult], failures: Mapping[str, str], store: Store) -> Record:
    """The record of a run: what its stages left, and why others left nothing. Each is among results or failures.

    The store is asked for the curve of retraining, where the run wants metrics that are read off it.
    """
    record = _assembled(point, results, failures)
    final = results.get(pipeline(point.spec).final.key)
    if final is None or final.kind != "retrain" or not point.spec.metrics.trainability:
        return record
    return record.model_copy(update={"metrics": (*record.metrics, *curve_metrics(store, final))})


def _assembled(point: Point, results: Mapping[str, StageResult], failures: Mapping[str, str]) -> Record:
    stages = pipeline(point.spec)
    broken = next((stage.key for stage in stages.order if stage.key in failures), None)
    if broken is None:
        return _record(point, stages, results, "done", "")
    how: Status = "diverged" if broken in results else "failed"
    reason = failures[broken]
    if broken == stages.base.key and stages.base.kind == "pretrain":  # not a base of the method's own
        return _record(point, stages, results, "skipped", f"its base {how}: {reason}")
    if broken not in _own_keys(stages):
        return _record(point, stages, results, "skipped", f"the method that it is like {how}: {reason}")
    return _record(point, stages, results, how, reason)


def _record(point: Point, stages: Pipeline, results: Mapping[str, StageResult], status: Status, reason: str) -> Record:
    pruned = results.get(stages.pruned.key) if stages.pruned else None
    base, final = (results.get(stage.key) for stage in (stages.base_measure, stages.final_measure))
    own = _own(stages, results)
    bases = {stages.base.key, *(parent.key for parent in stages.base.parents)}
    said = [r for r in own if r.kind != "pretrain" or r.key in bases]  # not the weights rewound to
    return Record(
        id=point.id,
        status=status,
        reason=reason,
        spec=point.spec,
        labels=dict(point.labels),
        stages=tuple(Parent(stage=r.kind, key=r.key, digest=r.digest) for r in own),
        ledger=tuple(r.ledger for r in own),
        metrics=_metrics(said, _also_final(stages)),
        dense=_size(base),
        small=_size(final),
        kept=_kept(pruned),
        on_target=bool(pruned.info["on_target"]) if pruned else True,
        curves={r.kind: r.blobs["curve"] for r in said if "curve" in r.blobs},  # of several rounds: the last one's
        correct=final.blobs["correct"] if final else "",
        environment=next((r.environment for r in reversed(own) if r.kind != "probe"), None),
        timed_on=next((str(r.info["machine"]) for r in own if "machine" in r.info), ""),
        finished=now(),
    )


def _also_final(stages: Pipeline) -> str:
    """What the final network is besides, where nothing followed: the base, or the pruned one; "" if neither."""
    if stages.base.key == stages.final.key:
        return "base"
    return "pruned" if stages.pruned and stages.pruned.key == stages.final.key else ""


def _metrics(results: list[StageResult], also_final: str) -> tuple[Metric, ...]:
    """The last value of every metric. What was measured on a network that is also the final one holds for both."""
    found = {(m.name, m.split, m.when): m for result in results for m in result.metrics}
    both = [metric.model_copy(update={"when": "final"}) for metric in found.values() if metric.when == also_final]
    return tuple((found | {(m.name, m.split, m.when): m for m in both}).values())


def _own(stages: Pipeline, results: Mapping[str, StageResult]) -> list[StageResult]:
    """The results of the run's own stages, in order."""
    own = _own_keys(stages)
    return [results[stage.key] for stage in stages.order if stage.key in own and stage.key in results]


def _own_keys(stages: Pipeline) -> set[str]:
    """Keys of the run's stages, without those that only lent it their per-layer amounts."""
    own: set[str] = set()

    def visit(stage: Stage) -> None:
        own.add(stage.key)
        for parent in stage.parents[: 2 if stage.kind in ("sparsify", "prune") else None]:
            visit(parent)

    for stage in (stages.base_measure, stages.final_measure, *stages.probes):
        visit(stage)
    return own


def _size(result: StageResult | None) -> Size | None:
    return Size.model_validate(result.info["size"]) if result else None


def _kept(result: StageResult | None) -> dict[str, tuple[int, int]]:
    kept: Any = result.info["kept"] if result else {}
    return {group: (count, size) for group, (count, size) in kept.items()}
