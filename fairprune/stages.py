"""Stages: a run as a graph of pure functions, each keyed by its own spec and its parents' keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from fairprune.canonical import Json, digest
from fairprune.spec import Method, RunSpec, Target, Task

StageKind = Literal["pretrain", "score", "prune", "retrain", "scratch", "measure"]

VERSION = 1  # of the stages' own code: raised when a stage would compute something else from the same spec


@dataclass(frozen=True)
class Stage:
    """One step of a run. `spec` holds everything that decides its result, besides its parents."""

    kind: StageKind
    spec: Mapping[str, Json]
    parents: tuple[Stage, ...] = ()

    @cached_property
    def key(self) -> str:
        """SHA-256 over kind, spec and the parents' keys, in 32 hexadecimal digits."""
        parents: list[Json] = [parent.key for parent in self.parents]
        identity: dict[str, Json] = {"kind": self.kind, "version": VERSION, "spec": self.spec, "parents": parents}
        return digest(identity)[:32]


@dataclass(frozen=True)
class Pipeline:
    """The stages of one run. `order` lists every one, parents first; `measures` read the test set."""

    order: tuple[Stage, ...]
    base: Stage
    pruned: Stage | None
    final: Stage
    base_measure: Stage
    final_measure: Stage


def pipeline(run: RunSpec) -> Pipeline:
    """The stages of a run, in order."""
    base = _pretrain(run)
    pruned: Stage | None = None
    if run.kind == "dense":
        final = _retrain(run, base, 1)
    else:
        assert run.method is not None
        assert run.target is not None
        pruned = _pruned(run, base, run.method, run.target)
        final = _scratch(run, pruned) if run.kind == "scratch" else _retrain(run, pruned, run.method.rounds)
    measures = _measure(run, base), _measure(run, final)
    return Pipeline(_ordered((*measures,)), base, pruned, final, *measures)


def _ordered(roots: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """The stages that the roots need, parents first, each once."""
    seen: dict[str, Stage] = {}

    def visit(stage: Stage) -> None:
        if stage.key not in seen:
            for parent in stage.parents:
                visit(parent)
            seen[stage.key] = stage

    for root in roots:
        visit(root)
    return tuple(seen.values())


def _training(run: RunSpec) -> dict[str, Any]:
    """What every stage that trains depends on, apart from its recipe and seed."""
    task = run.task.model_dump(mode="json", include={"data", "network", "objective", "precision", "deterministic"})
    digests = {split: run.data_digests[split] for split in ("train", "validation")}
    versions = {k: v for k, v in run.versions.items() if k.split(" ")[0] in ("network", "dataset", "objective")}
    return {**task, "data_digests": digests, "versions": versions}


def _pretrain(run: RunSpec, stop: float | None = None) -> Stage:
    task = run.task
    source: dict[str, Json]
    if task.checkpoint is not None:
        source = {"checkpoint": task.checkpoint.digest}
    else:
        assert task.pretrain is not None
        source = {"recipe": task.pretrain.model_dump(mode="json"), "base_seed": run.base_seed, "stop": stop}
    return Stage("pretrain", {**_training(run), **source})


def _pruned(run: RunSpec, base: Stage, method: Method, target: Target) -> Stage:
    """One-shot: score, prune. Iterative: score, prune, retrain, score, prune ... ending with a prune."""
    start, pruned = base, base
    for number in range(1, method.rounds + 1):
        part = _partial_target(target, number / method.rounds)
        like = (_pruned(run, base, method.like, part),) if method.like else ()
        pruned = _prune(run, start, _score(run, start, method, number), method, part, like)
        if number < method.rounds:
            start = _retrain(run, pruned, number)
    return pruned


def _partial_target(target: Target, share: float) -> Target:
    """The target of an iterative round: what is kept shrinks by the same factor in each."""
    if share == 1:
        return target
    if target.axis == "ratio":
        return Target(axis="ratio", value=1 - (1 - target.value) ** share)
    return Target(axis=target.axis, value=target.value**share)


def _score(run: RunSpec, start: Stage, method: Method, number: int) -> Stage:
    version = run.versions[f"criterion {method.criterion}"]
    asked = method.model_dump(mode="json", include={"criterion", "options", "granularity", "spare", "calibration"})
    return Stage("score", {**asked, "version": version, "run_seed": run.run_seed, "round": number}, (start,))


def _prune(run: RunSpec, start: Stage, score: Stage, method: Method, target: Target, like: tuple[Stage, ...]) -> Stage:
    asked = method.model_dump(mode="json", include={"granularity", "allocation", "ratios", "reduce", "spare"})
    version = run.versions[f"allocation {method.allocation}"]
    spec = {**asked, "version": version, "target": target.model_dump(mode="json")}
    return Stage("prune", spec, (start, score, *like))


def _retrain(run: RunSpec, start: Stage, number: int) -> Stage:
    """Retraining after a round; a rewinding recipe takes the base's weights of an earlier epoch with it."""
    recipe = run.retraining.recipe.model_dump(mode="json")
    rewound = run.retraining.kind == "weight-rewind"
    sources = (_pretrain(run, stop=run.retraining.rewind_to),) if rewound else ()
    spec = {**_training(run), "recipe": recipe, "run_seed": run.run_seed, "round": number}
    return Stage("retrain", spec, (start, *sources))


def _scratch(run: RunSpec, pruned: Stage) -> Stage:
    """The pruned architecture trained anew: of its parent, only the plan and the sizes are used."""
    rule = run.retraining.model_dump(mode="json", include={"kind", "reading", "more_epochs", "max_factor", "recipe"})
    spec = {**_training(run), **rule, "run_seed": run.run_seed}
    return Stage("scratch", spec, (pruned,))


def _measure(run: RunSpec, network: Stage) -> Stage:
    return Stage(
        "measure",
        {"split": "test", "test_digest": run.data_digests["test"], "objective": run.task.objective},
        (network,),
    )


def task_of(spec: Mapping[str, Any]) -> Task:
    """The task of a training stage's spec (its base is not part of it)."""
    fields = ("data", "network", "objective", "precision", "deterministic")
    return Task.model_validate({field: spec[field] for field in fields})
