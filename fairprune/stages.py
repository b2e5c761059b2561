"""Stages: a run as a graph of pure functions, each keyed by its own spec and its parents' keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from fairprune import schedules
from fairprune.canonical import Json, digest
from fairprune.spec import Method, RunSpec, Target, Task

StageKind = Literal["pretrain", "sparsify", "score", "prune", "retrain", "scratch", "measure", "probe"]

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
    """The stages of one run. `order` lists every one, parents first; `probes` measure what else was asked for."""

    order: tuple[Stage, ...]
    base: Stage
    pruned: Stage | None
    final: Stage
    base_measure: Stage
    final_measure: Stage
    probes: tuple[Stage, ...] = ()


def pipeline(run: RunSpec) -> Pipeline:
    """The stages of a run, in order."""
    base = _base(run, run.method)
    pruned: Stage | None = None
    if run.method is None or run.target is None:
        final = base if run.retraining.kind == "train" else _retrain(run, base, 1)
    else:
        pruned = final = _pruned(run, run.method, run.target)
        if run.kind == "scratch":
            final = _scratch(run, pruned)
        elif not run.method.within:
            final = _retrain(run, pruned, run.method.rounds)
    measures = _measure(run, base), _measure(run, final)
    probes = _probes(run, base, pruned, final)
    return Pipeline(_ordered((*measures, *probes)), base, pruned, final, *measures, probes)


def _base(run: RunSpec, method: Method | None) -> Stage:
    """What a method starts from, which is what its results are compared by: trained, or the initialisation."""
    if method is None or method.start != "init":
        overall = run.retraining.kind == "overall"
        return _pretrain(run, stop=run.retraining.prune_at if overall else None)
    initial = _pretrain(run, stop=0.0)
    return _sparsify(run, initial, method, None, ()) if method.own_base else initial


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


def _pruned(run: RunSpec, method: Method, target: Target) -> Stage:
    """One-shot: score, prune. Iterative: score, prune, retrain, score, prune ... ending with a prune."""
    start = pruned = _base(run, method)
    for number in range(1, method.rounds + 1):
        part = partial_target(target, number / method.rounds)
        like = (_pruned(run, method.like, part),) if method.like else ()
        if method.training and not method.own_base:
            start = _sparsify(run, start, method, target if method.training.bound else None, like)
        pruned = _prune(run, start, method, part, number, like)
        if number < method.rounds:
            start = _retrain(run, pruned, number)
    return pruned


def partial_target(target: Target, share: float) -> Target:
    """The target of an iterative round: what is kept shrinks by the same factor in each."""
    if share == 1:
        return target
    if target.axis == "ratio":
        return Target(axis="ratio", value=1 - (1 - target.value) ** share)
    return Target(axis=target.axis, value=target.value**share)


def _sparsify(run: RunSpec, start: Stage, method: Method, target: Target | None, like: tuple[Stage, ...]) -> Stage:
    """A method's own training. Only one that is driven by the target depends on it, and on how it is spread."""
    assert method.training is not None
    asked = method.model_dump(mode="json", include={"training", "granularity", "spare"})
    spec: dict[str, Any] = {**_training(run), **asked, "own_base": method.own_base}
    spec["seed"] = run.base_seed if method.own_base else run.run_seed
    spec["version"] = version = run.versions[f"training {method.training.hook}"]
    if target is not None:
        spread = _spread(run, method, target)
        both = version if version == spread["version"] else f"{version} {spread['version']}"  # the allocation's as well
        spec |= {**spread, "version": both}
    return Stage("sparsify", spec, (start, start, *like) if like else (start,))


def _score(run: RunSpec, start: Stage, method: Method, number: int) -> Stage:
    return Stage("score", _scoring(run, method, number), (start,))


def _scoring(run: RunSpec, method: Method, number: int) -> dict[str, Any]:
    version = run.versions[f"criterion {method.criterion}"]
    asked = method.model_dump(mode="json", include={"criterion", "options", "granularity", "spare", "calibration"})
    return {**asked, "version": version, "run_seed": run.run_seed, "round": number}


def _spread(run: RunSpec, method: Method, target: Target) -> dict[str, Any]:
    asked = method.model_dump(mode="json", include={"granularity", "allocation", "ratios", "reduce", "spare"})
    return {
        **asked,
        "version": run.versions[f"allocation {method.allocation}"],
        "target": target.model_dump(mode="json"),
    }


def _prune(run: RunSpec, start: Stage, method: Method, target: Target, number: int, like: tuple[Stage, ...]) -> Stage:
    """From the scores of a stage: a criterion's, or those of the method's own training. Some score as they go.

    The second parent is the one that holds the scores; a method that removes step by step, or layer by layer, has none.
    """
    spec = _spread(run, method, target)
    if method.repair not in ("", "none"):
        repair = method.model_dump(mode="json", include={"repair", "repair_options"})
        looked = {"calibration": method.calibration.model_dump(mode="json"), "run_seed": run.run_seed, "round": number}
        spec |= {**repair, **looked, "repair_version": run.versions[f"repair {method.repair}"]}
    scores = start
    if method.gradual:
        spec |= {"scoring": _scoring(run, method, number), "steps": method.steps}
    elif method.criterion:
        scores = _score(run, start, method, number)
    return Stage("prune", spec, (start, scores, *like))


def _retrain(run: RunSpec, start: Stage, number: int) -> Stage:
    """Retraining after a round; a rewinding recipe takes the base's weights of an earlier epoch with it.

    So do the rounds before a ticket is drawn anew, whose recipe is the whole of the base's.
    """
    rule = run.retraining
    recipe = rule.recipe.model_dump(mode="json")
    if rule.reading == "ticket" and rule.rewind_to:
        whole = schedules.parse(rule.recipe.schedule)
        recipe["schedule"] = str(whole.cut(rule.rewind_to, whole.total))
    rewound = rule.kind == "weight-rewind" or rule.reading == "ticket"
    sources = (_pretrain(run, stop=rule.rewind_to),) if rewound else ()
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


def _probes(run: RunSpec, base: Stage, pruned: Stage | None, final: Stage) -> tuple[Stage, ...]:
    """The Jacobian of the base, the pruned and the final network, and along retraining, of which it is a repetition.

    Of the pruned network of a scratch run only the architecture counts.
    """
    if run.metrics.jacobian is None:
        return ()
    spec: dict[str, Json] = {"metric": "jacobian", "samples": run.metrics.jacobian.samples}
    kept = (pruned,) if pruned and run.kind != "scratch" else ()
    networks = {network.key: network for network in (base, *kept, final)}
    probes = [Stage("probe", spec, (network,)) for network in networks.values()]
    if run.metrics.jacobian.along and final.kind == "retrain":
        probes.append(Stage("probe", {**final.spec, **spec}, final.parents))
    return tuple(probes)


def task_of(spec: Mapping[str, Any]) -> Task:
    """The task of a training stage's spec (its base is not part of it)."""
    fields = ("data", "network", "objective", "precision", "deterministic")
    return Task.model_validate({field: spec[field] for field in fields})
