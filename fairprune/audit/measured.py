"""Our own records as results."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import lru_cache, reduce
from typing import Any

from fairprune.audit.result import STAGES, Result
from fairprune.canonical import digest
from fairprune.record import LedgerEntry, Record
from fairprune.schedules import Schedule, empty, parse
from fairprune.spec import Method, Options

_RECIPE = ("optimizer", "momentum", "weight_decay", "batch_size", "augmentation")


def from_record(record: Record) -> Result:
    """The result that a record stands for. What its ledger does not say is unknown, unless the run is done."""
    spec, method = record.spec, record.spec.method
    environment = record.environment
    return Result(
        id=record.id,
        kind=spec.kind,
        task=record.labels.get("task"),
        method=record.labels.get("method", chooser(method) if method else spec.kind),
        criterion=chooser(method) if method else None,
        granularity=method.granularity if method else None,
        recipe=record.labels.get("retraining", spec.retraining.kind),
        dataset=_dataset(record),
        network=named(spec.task.network.name, spec.task.network.options),
        base_checkpoint=_base(record),
        target=spec.target,
        allocation=method.allocation if method else None,
        spare=tuple(sorted(method.spare)) if method else None,
        calibration=_calibration(record),
        amounts=_decided_by((method.like or method).model_dump_json()) if method else None,
        compression=record.compression,
        speedup=record.speedup,
        removed=_removed(record),
        on_target=record.on_target,
        precision=spec.task.precision,
        device=environment.device if environment else None,
        libraries=_libraries(record),
        validation=spec.task.data.validation,
        validation_seen=spec.task.checkpoint is not None and spec.task.checkpoint.seen == "train",
        selected_on="validation" if spec.retraining.recipe.checkpoint == "best" and not _within(record) else "last",
        test_looks=_test_looks(record),
        executed=_executed(record),
        collapsed=tuple(name for name, (kept, _) in record.kept.items() if kept == 0),
        rewound=spec.retraining.kind == "weight-rewind",
        under_converged=_under_converged(record),
        status=record.status,
        base_seed=spec.base_seed,
        run_seed=spec.run_seed,
        seeds=1,
        tuning_trials=len(spec.retraining.tuned.rates) if spec.retraining.tuned else 1,
        base_top1=_percent(record, "base"),
        top1=_percent(record, "final"),
        top5=_percent(record, "final", "top5"),
        params_m_base=record.dense.params / 1e6 if record.dense else None,
        macs_g_base=record.dense.macs / 1e9 if record.dense else None,
        **_stages(record),
        **_recipe(_final(record)),
    )


def result_of(record: Record | Result) -> Result:
    """The result that a record stands for, if it is not one already."""
    return record if isinstance(record, Result) else from_record(record)


def named(name: str, options: Options) -> str:
    """A component's name, with its options where it has some."""
    return f"{name}({', '.join(f'{key}={options[key]}' for key in sorted(options))})" if options else name


def chooser(method: Method) -> str:
    """What chose the units: a training where there is one, for a criterion that ranks after it is not on its own."""
    return method.training.hook if method.training else method.criterion


def _dataset(record: Record) -> str:
    """The data set's name and the digest of its test split: a split of one's own is another data set."""
    test = record.spec.data_digests.get("test")
    name = named(record.spec.task.data.name, record.spec.task.data.options)
    return f"{name}@{test[:16]}" if test else name


def _libraries(record: Record) -> str | None:
    """Names and versions; code that the compiler wrote rounds differently, as another version would."""
    if record.environment is None:
        return None
    compiled = " compiled" if any(entry.step == "compile" for entry in record.ledger) else ""
    return f"fairprune {record.environment.fairprune}, torch {record.environment.torch}{compiled}"


def _base(record: Record) -> str | None:
    """Digest of the base model's content. The first `pretrain` stage is the base; weight rewinding adds another.

    A method that trains its own base begins with a `pretrain` stage of 0 epochs: the initialisation.
    """
    if record.spec.kind == "scratch":
        return None
    kind = "sparsify" if _own_base(record) else "pretrain"
    return next((parent.digest for parent in record.stages if parent.stage == kind), None)


def _own_base(record: Record) -> bool:
    return record.spec.method is not None and record.spec.method.own_base


def _within(record: Record) -> bool:
    return record.spec.method is not None and record.spec.method.within


def _removed(record: Record) -> float | None:
    units = sum(size for _, size in record.kept.values())
    return 1 - sum(kept for kept, _ in record.kept.values()) / units if units else None


def _test_looks(record: Record) -> float:
    """Looks per network that the protocol allows one for: the dense one and the final one."""
    looks = sum(entry.test_looks for entry in record.ledger)
    networks = {m.when for m in record.metrics if m.split == "test"} & {"base", "final"}
    return looks / max(len(networks), 1)


def _under_converged(record: Record) -> bool | None:
    """Known where the study asked for trainability, and its schedule has a first stage of some length."""
    flag = record.metric("under_converged", "validation")
    return None if flag is None else bool(flag)


def _percent(record: Record, when: str, name: str = "top1") -> float | None:
    value = record.metric(name, "test", when)
    return None if value is None else 100 * value


def _calibration(record: Record) -> int | None:
    """Samples that criterion and repair were given; 0 if they looked at none."""
    looked = any(e.samples and not e.epochs for e in record.ledger if e.stage in ("score", "prune"))
    method = record.spec.method
    return method.calibration.samples * looked if method else None


def _entries(record: Record, stage: str) -> tuple[LedgerEntry, ...]:
    """What is charged to a stage. A scratch run is charged its own training alone, as pretraining."""
    if record.spec.kind == "scratch":
        return tuple(e for e in record.ledger if e.stage == "scratch") if stage == "pretrain" else ()
    found = tuple(entry for entry in record.ledger if entry.stage == stage)
    return found[:1] if stage == "pretrain" and not _own_base(record) else found


def _final(record: Record) -> tuple[LedgerEntry, ...]:
    """The training that the final network came of: retraining, or what stands in its place."""
    if _within(record):
        return tuple(entry for entry in _entries(record, "prune") if entry.epochs)
    return _entries(record, "pretrain" if record.spec.kind == "scratch" else "retrain")


def _executed(record: Record) -> Any:
    return next((entry.executed for entry in reversed(_final(record)) if entry.executed), None)


def _recipe(entries: Sequence[LedgerEntry]) -> dict[str, Any]:
    """The recipe that all entries share; a field in which they differ has no one value, so it is unknown."""
    values = {field: {getattr(entry, field) for entry in entries} for field in _RECIPE}
    shared = {field: found.pop() if len(found) == 1 else None for field, found in values.items()}
    optimizer = shared["optimizer"] or None
    without = 0.0 if optimizer and shared["momentum"] is None else shared["momentum"]
    return shared | {"optimizer": optimizer, "momentum": without}


def _stages(record: Record) -> dict[str, Any]:
    return {f"{stage}_{key}": value for stage in STAGES for key, value in _stage(record, stage).items()}


def _stage(record: Record, stage: str) -> dict[str, Any]:
    entries, done = _entries(record, stage), record.status == "done"
    published = stage == "pretrain" and record.spec.kind != "scratch" and record.spec.task.checkpoint is not None
    if published or not (entries or done):
        return {}
    epochs = math.fsum(entry.epochs for entry in entries)
    schedule = _joined(entries) if done else None
    work = math.fsum(entry.epochs * entry.macs_per_sample for entry in entries)
    macs = work / epochs if epochs and all(e.macs_per_sample for e in entries if e.epochs) else None
    # Steps are whole, so the ledger's epochs may miss the schedule's by a fraction: what was asked is what compares.
    return {"epochs": None if schedule else epochs, "schedule": schedule, "macs": macs}


def _joined(entries: Sequence[LedgerEntry]) -> Schedule | None:
    unknown = any(entry.epochs and not entry.schedule for entry in entries)
    return None if unknown else _in_a_row(tuple(entry.schedule for entry in entries if entry.schedule))


@lru_cache(maxsize=4096)  # a study has few schedules, and each stands in very many records
def _in_a_row(texts: tuple[str, ...]) -> Schedule:
    return reduce(Schedule.then, map(parse, texts), empty())


@lru_cache(maxsize=4096)
def _decided_by(method: str) -> str:
    """A short digest of what decides the amounts, from its JSON."""
    return digest(json.loads(method))[:16]
