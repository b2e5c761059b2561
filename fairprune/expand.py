"""Expansion: a Study becomes the resolved specs of its runs, with every default filled in."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, Literal

from fairprune import registry
from fairprune.canonical import canonical, digest_bytes, joined
from fairprune.demands import derived
from fairprune.errors import SpecError
from fairprune.memo import Memo
from fairprune.methods import resolve_methods, retrained_as, settle
from fairprune.recipes import canonical_recipe
from fairprune.retraining import at_chosen_rate, resolve_retraining
from fairprune.spec import Checkpoint, DataSpec, Method, Metrics, RunSpec, Target, Task
from fairprune.spec.values import changed
from fairprune.stages import VERSION
from fairprune.study import RetrainingEntry, Study


@dataclass(frozen=True)
class Point:
    """One run of a study: its resolved spec, its identity, and the study's names for it."""

    spec: RunSpec
    labels: Mapping[str, str]
    id: str


@dataclass(frozen=True)
class Resolver:
    """What expansion must ask the world: digests of data and checkpoints, and the folder of a user's components."""

    data_digests: Callable[[DataSpec], Mapping[str, str]]
    checkpoint_digest: Callable[[Checkpoint], str]
    folder: Path | None = None


def expand(study: Study, resolver: Resolver) -> tuple[Point, ...]:
    """Every run of the study, resolved to the last default, without repetition."""
    study = derived(study)
    methods = resolve_methods(study, resolver.folder)
    points = [
        point
        for task_name, task in study.tasks.items()
        for point in _task_points(study, methods, task_name, resolve_task(task, resolver), resolver)
    ]
    unique = {point.id: point for point in points}
    if not any(point.spec.kind == "prune" or point.spec.kind == "scratch" for point in unique.values()):
        raise SpecError(f"study {study.name} expands to nothing: no retraining entry applies to any method")
    return tuple(unique.values())


def _task_points(
    study: Study, methods: Mapping[str, Method], task_name: str, task: Task, resolver: Resolver
) -> Iterator[Point]:
    digests, memo = dict(resolver.data_digests(task.data)), Memo()
    methods = {name: settle(name, method, task) for name, method in methods.items()}
    entries, names = _entries(study, methods), retrained_as(study, methods)
    targets = [Target(axis=study.axis, value=value) for value in study.targets]
    for name, entry in entries.items():
        retraining = resolve_retraining(name, entry, task, study.tuning)
        scratch = entry.kind.startswith("scratch")
        applied = {key: method for key, method in methods.items() if _applies(entry, names[key], method)}
        for key, method in applied.items():
            _check_rounds(name, entry, key, method)
            _check_own_base(name, entry, key, method, task)
        labels = {"study": study.name, "task": task_name, "retraining": name}
        shared = {"task": task, "data_digests": digests, "metrics": study.metrics}
        kind: Literal["scratch", "prune"] = "scratch" if scratch else "prune"
        rated = partial(at_chosen_rate, retraining, name, entry, task_name)
        form = partial(_form, folder=resolver.folder, memo=memo)
        forms = []
        if study.controls.dense and not scratch:
            forms.append(form("dense", labels | {"method": "dense"}, shared | {"retraining": rated("dense", None)}))
        for (key, method), target in itertools.product(applied.items(), targets):
            own = {"method": method, "target": target, "retraining": rated(key, target)}
            forms.append(form(kind, labels | {"method": key}, shared | own))
        for base, run in study.seed_pairs:
            yield from (form.at(0 if task.checkpoint else base, run) for form in forms)


def _entries(study: Study, methods: Mapping[str, Method]) -> dict[str, RetrainingEntry]:
    """The study's retraining, and the whole training for methods that prune before or within it, if none is named."""
    untrained = any(method.untrained for method in methods.values())
    if not untrained or any(entry.kind == "train" for entry in study.retraining.values()):
        return study.retraining
    if "train" in study.retraining:
        raise SpecError('retraining train: the name is that of the whole training (kind = "train"): take another')
    return {**study.retraining, "train": RetrainingEntry(kind="train", recipe={})}


def _applies(entry: RetrainingEntry, name: str, method: Method) -> bool:
    """What prunes the initialisation is trained in whole, and nothing else is."""
    right = entry.granularity in ("any", method.granularity) and (entry.kind == "train") == method.untrained
    return right and any(fnmatchcase(name, pattern) for pattern in entry.methods)


def _check_rounds(name: str, entry: RetrainingEntry, method_name: str, method: Method) -> None:
    """Raise SpecError where it is not said what happens between rounds."""
    rounds, lender = method.rounds, method.like
    while lender is not None:
        rounds, lender = max(rounds, lender.rounds), lender.like
    if entry.kind.startswith("scratch") and rounds > 1 and entry.reading != "ticket":
        which = f"the iterative {method_name}" if method.rounds > 1 else f"{method_name}, like an iterative one"
        raise SpecError(
            f"retraining {name}: no scratch run of {which}: list `methods`, or take "
            f'reading = "ticket", which rewinds between the rounds'
        )


def _check_own_base(name: str, entry: RetrainingEntry, method_name: str, method: Method, task: Task) -> None:
    """Raise SpecError where what follows a base of the method's own goes back into a training which that is not."""
    if not method.own_base or entry.kind not in ("lr-rewind", "weight-rewind", "overall"):
        return
    assert task.pretrain is not None
    assert method.training is not None
    own = f"{method_name} trains a base of its own"
    instead = 'take kind = "finetune" with a schedule for it (`methods` says which), or give it start = "trained"'
    if entry.kind == "overall":
        raise SpecError(f"retraining {name}: overall stops the task's pretraining, and {own}: {instead}")
    if method.training.schedule != task.pretrain.schedule:
        which = f"the task's schedule ({task.pretrain.schedule})"
        raise SpecError(
            f"retraining {name}: {entry.kind} replays {which}, and {own} by {method.training.schedule}: {instead}"
        )
    if entry.rewind_to:
        raise SpecError(
            f"retraining {name}: {own}, of which only the initialisation can be rewound to: expected rewind_to = 0, "
            f"got {entry.rewind_to:g}"
        )


_SEED = "\0"  # where the seeds stand in an identity, base_seed before run_seed; JSON has no such character


@dataclass(frozen=True)
class _Form:
    """Runs that differ in their seeds alone: one of them, their labels, and what of the identity is around seeds."""

    spec: RunSpec
    labels: Mapping[str, str]
    around: tuple[str, str, str]

    def at(self, base: int, run: int) -> Point:
        """The run with these seeds."""
        before, between, after = self.around
        id = digest_bytes(f"{before}{base}{between}{run}{after}".encode())[:16]
        return Point(changed(self.spec, base_seed=base, run_seed=run), self.labels, id)


def _form(
    kind: Literal["prune", "scratch", "dense"],
    labels: Mapping[str, str],
    fields: Mapping[str, Any],
    folder: Path | None,
    memo: Memo,
) -> _Form:
    """The form of parts that are valid and that it shares with others."""
    parts = (fields["task"], fields.get("method"))
    versions = memo.once("versions", parts, lambda: _versions(fields, folder))
    spec = RunSpec.model_construct(kind=kind, versions=versions, base_seed=0, run_seed=0, **fields)
    before, between, after = _identity(spec).split(_SEED)
    return _Form(spec, labels, (before, between, after))


def _identity(spec: RunSpec) -> str:
    """The canonical text that identifies a run, with stand-ins for its seeds."""
    named: Any = {"task": {"checkpoint": {"name"}}, "base_seed": True, "run_seed": True}  # a checkpoint has its digest
    identity = spec.model_dump(mode="json", exclude=named)
    if spec.metrics == Metrics():  # whoever asks for nothing more shares runs with studies that could not ask
        del identity["metrics"]
    else:  # likewise
        for later in [name for name in ("latency", "split") if getattr(spec.metrics, name) == getattr(Metrics(), name)]:
            del identity["metrics"][later]
    for later in [name for name in ("prune_at", "tuned") if not getattr(spec.retraining, name)]:  # likewise
        del identity["retraining"][later]
    texts = {key: canonical(value) for key, value in identity.items()}
    return joined({**texts, "base_seed": _SEED, "run_seed": _SEED})


def _versions(fields: Mapping[str, Any], folder: Path | None) -> dict[str, str]:
    task: Task = fields["task"]
    named = [("network", task.network.name), ("dataset", task.data.name), ("objective", task.objective)]
    method: Method | None = fields.get("method")
    while method is not None:
        training = method.training.hook if method.training else ""
        named += [("criterion", method.criterion), ("training", training), ("allocation", method.allocation)]
        named += [("repair", method.repair.replace("none", ""))]
        method = method.like
    versions = {f"{kind} {name}": registry.find(kind, name, folder).version for kind, name in named if name}  # type: ignore[arg-type]
    return {**versions, "stages": str(VERSION)}


def resolve_task(task: Task, resolver: Resolver) -> Task:
    """The task with canonical schedules and its checkpoint's digest; refuses what cannot be trained or compared."""
    for kind, name in (("network", task.network.name), ("dataset", task.data.name), ("objective", task.objective)):
        registry.find(kind, name, resolver.folder)  # type: ignore[arg-type]
    if (task.pretrain is None) == (task.checkpoint is None):
        raise SpecError("a task needs either a pretrain recipe or a checkpoint for its base model, not both")
    if task.pretrain:
        return task.model_copy(update={"pretrain": canonical_recipe(task.pretrain)})
    assert task.checkpoint is not None
    if task.checkpoint.seen == "train" and task.data.carve_test:
        raise SpecError(
            f"checkpoint {task.checkpoint.name} has seen the training images, so no test split can be carved "
            'out of them: use carve_test = 0, or say seen = "none" if that is true'
        )
    known = task.checkpoint.model_copy(update={"digest": resolver.checkpoint_digest(task.checkpoint)})
    return task.model_copy(update={"checkpoint": known})
