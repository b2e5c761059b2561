"""Runs that have not been run, as results: what their specs say already, so that a demand is judged before compute."""

from __future__ import annotations

from functools import reduce
from statistics import fmean
from typing import Any

from fairprune.audit.measured import chooser, named
from fairprune.audit.result import Result
from fairprune.canonical import canonical
from fairprune.expand import Point
from fairprune.schedules import Schedule, empty, parse
from fairprune.spec import Recipe, RunSpec
from fairprune.stages import partial_target, pipeline


def from_point(point: Point) -> Result:
    """The result that a run will stand for; what depends on what it measures is unknown.

    Rates are the target's. Multiply-adds are in units of the dense network, known where the target is a speedup.
    """
    spec = point.spec
    method, recipe = spec.method, _final_recipe(spec)
    rates: dict[str, Any] = {spec.target.axis: spec.target.value} if spec.target and spec.target.axis != "ratio" else {}
    return Result(
        id=point.id,
        kind=spec.kind,
        task=point.labels["task"],
        method=point.labels["method"],
        criterion=chooser(method) if method else None,
        granularity=method.granularity if method else None,
        recipe=point.labels["retraining"],
        dataset=f"{named(spec.task.data.name, spec.task.data.options)}@{spec.data_digests['test'][:16]}",
        network=named(spec.task.network.name, spec.task.network.options),
        base_checkpoint=None if spec.kind == "scratch" else pipeline(spec).base.key,
        target=spec.target,
        optimizer=canonical(recipe.optimizer.model_dump(mode="json")),
        momentum=recipe.optimizer.momentum,
        weight_decay=recipe.optimizer.weight_decay,
        batch_size=recipe.batch_size,
        augmentation=",".join(recipe.augment),
        base_seed=spec.base_seed,
        run_seed=spec.run_seed,
        **rates,
        **_schedules(spec),
        **_macs(spec),
    )


def _final_recipe(spec: RunSpec) -> Recipe:
    """Of the training that the final network comes of: retraining, or the method's where nothing follows that."""
    method = spec.method
    within = method is not None and method.within and method.training
    return Recipe.model_validate(within.recipe) if within else spec.retraining.recipe


def _schedules(spec: RunSpec) -> dict[str, Any]:
    """Schedules of pretraining, pruning and retraining; rounds one after the other. None: it depends on the outcome."""
    retrain = parse(spec.retraining.recipe.schedule)
    if spec.kind == "scratch":
        return {"pretrain_schedule": _scratch(spec, retrain)}
    method = spec.method
    training = parse(Recipe.model_validate(method.training.recipe).schedule) if method and method.training else empty()
    if method is not None and method.within:
        return {"pretrain_schedule": empty(), "prune_schedule": training, "retrain_schedule": empty()}
    if method is not None and method.own_base:
        pretrain: Schedule | None = training
        training = empty()
    elif method is not None and method.untrained:
        pretrain = empty()
    else:
        pretrain = _base(spec)
    rounds = method.rounds if method else 1
    return {
        "pretrain_schedule": pretrain,
        "prune_schedule": training,
        "retrain_schedule": reduce(Schedule.then, [retrain] * rounds),
    }


def _base(spec: RunSpec) -> Schedule | None:
    if spec.task.pretrain is None:
        return None
    whole = parse(spec.task.pretrain.schedule)
    return whole.cut(0.0, spec.retraining.prune_at) if spec.retraining.kind == "overall" else whole


def _scratch(spec: RunSpec, base: Schedule) -> Schedule | None:
    """Scratch-E has epochs that are known; those of Scratch-B depend on the speedup, which a target may say."""
    rule, target = spec.retraining, spec.target
    if rule.kind == "scratch-e":
        return base.stretched_to(base.total + rule.more_epochs)
    if target is None or target.axis != "speedup":
        return None
    factor = min(target.value, rule.max_factor or target.value)
    return base.stretched_to(int(base.total * factor + rule.more_epochs + 1e-9))


def _macs(spec: RunSpec) -> dict[str, Any]:
    """Those of retraining are means over the rounds, whose targets are on the way to the last."""
    if spec.target is None or spec.target.axis != "speedup":
        return {}
    if spec.kind == "scratch":
        return {"pretrain_macs": 1 / spec.target.value}
    rounds = spec.method.rounds if spec.method else 1
    sizes = [1 / partial_target(spec.target, number / rounds).value for number in range(1, rounds + 1)]
    within = spec.method is not None and spec.method.within  # sparse as it trains: how much, it alone knows
    return {"pretrain_macs": 1.0, "prune_macs": None if within else 1.0, "retrain_macs": fmean(sizes)}
