"""Stages that train: pretrain, retrain, scratch. They differ in where they start and in their schedule."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from fairprune import schedules, seeds
from fairprune.canonical import canonical
from fairprune.execute import partial
from fairprune.execute.models import Model, dense_network, load_model, load_plan, planned_network, save_model
from fairprune.execute.workshop import Outcome, Workshop, parent_info, root_task
from fairprune.hook import Hook
from fairprune.measure.accuracy import evaluate
from fairprune.measure.cost import count
from fairprune.networks.checkpoint import load_checkpoint
from fairprune.networks.initialise import initialise
from fairprune.pruning.apply import planned
from fairprune.pruning.masks import apply_masks_, held, initialise_sparse_
from fairprune.pruning.plan import DensePlan, MaskPlan
from fairprune.record import ChargedTo, LedgerEntry, StageResult
from fairprune.schedules import Schedule
from fairprune.spec import Recipe, Task
from fairprune.stages import Stage, task_of
from fairprune.train import Course, Curve, DivergedError, State, fit, way

Look = Callable[[nn.Module], Mapping[str, float]]  # at the network after an epoch: columns of the curve


def pretrain(workshop: Workshop, stage: Stage, _: tuple[StageResult, ...]) -> Outcome:
    """The base model: trained from its initialisation, up to `stop` epochs, or a checkpoint."""
    task = task_of(stage.spec)
    network = dense_network(workshop, task)
    if "checkpoint" in stage.spec:
        load_checkpoint(network, workshop.checkpoint(str(stage.spec["checkpoint"])))
        return _checkpoint(workshop, task, network)
    spec: Any = stage.spec
    initialise(network, seeds.derive("init", spec["base_seed"]))
    recipe = Recipe.model_validate(spec["recipe"])
    schedule = schedules.parse(recipe.schedule)
    schedule = schedule if spec["stop"] is None else schedule.cut(0.0, spec["stop"])
    seed = seeds.derive("pretrain", spec["base_seed"])
    return _trained(workshop, stage, Model(network, DensePlan()), recipe, schedule, seed)


def retrain(workshop: Workshop, stage: Stage, parents: tuple[StageResult, ...], look: Look = lambda _: {}) -> Outcome:
    """Retraining of the pruned (or dense) network, from its own weights or from a rewound base's."""
    model = load_model(workshop, stage.parents[0], parents[0])
    if len(parents) > 1:
        source = load_model(workshop, stage.parents[1], parents[1]).network
        model = Model(planned(source, model.plan), model.plan)
    spec: Any = stage.spec
    recipe = Recipe.model_validate(spec["recipe"])
    seed = seeds.derive("retrain", spec["run_seed"], spec["round"])
    return _trained(workshop, stage, model, recipe, schedules.parse(recipe.schedule), seed, look)


def scratch(workshop: Workshop, stage: Stage, parents: tuple[StageResult, ...]) -> Outcome:
    """The pruned architecture, newly built and initialised with its own fan-in, for the epochs that its rule gives."""
    spec: Any = stage.spec
    task = task_of(stage.spec)
    plan = load_plan(workshop, parents[0])
    network = planned_network(workshop, task, plan)
    init = seeds.derive("init", "scratch", spec["run_seed"])
    initialise(network, init)
    if isinstance(plan, MaskPlan) and spec["reading"] == "liu":
        initialise_sparse_(network, plan, init)
    recipe = Recipe.model_validate(spec["recipe"])
    dense, small = parent_info(parents, "dense"), parent_info(parents, "small")
    schedule = scratch_schedule(schedules.parse(recipe.schedule), spec, dense["macs"] / max(small["macs"], 1))
    seed = seeds.derive("scratch", spec["run_seed"])
    return _trained(workshop, stage, Model(network, plan), recipe, schedule, seed)


def scratch_schedule(base: Schedule, rule: Any, speedup: float) -> Schedule:
    """The base's schedule stretched to the epochs of Scratch-E or Scratch-B.

    Liu et al. (1810.05270): E as many epochs as the base, K1; B int(K1 * F1/F2), at most `max_factor` * K1.
    Wang et al. (2301.05219): the retraining's epochs K2 (`more_epochs`) are added to both.
    """
    factor = 1.0 if rule["kind"] == "scratch-e" else speedup
    if rule["max_factor"] is not None:
        factor = min(factor, rule["max_factor"])
    epochs = base.total * factor + rule["more_epochs"]
    return base.stretched_to(math.floor(epochs + 1e-9) if factor > 1 else epochs)


def _trained(
    workshop: Workshop,
    stage: Stage,
    model: Model,
    recipe: Recipe,
    schedule: Schedule,
    seed: int,
    look: Look = lambda _: {},
) -> Outcome:
    course = course_of(workshop, task_of(stage.spec), model, recipe, schedule, seed)
    return train(workshop, stage, model, course, look=look)


def course_of(
    workshop: Workshop,
    task: Task,
    model: Model,
    recipe: Recipe,
    schedule: Schedule,
    seed: int,
    hook: Hook | None = None,
    macs: Callable[[Mapping[str, Tensor]], float] = lambda _: 0.0,
) -> Course:
    """The course of a stage that trains `model`, which it moves to the device."""
    network = on_device(workshop, model)
    return Course(
        recipe=recipe,
        schedule=schedule,
        train=workshop.loader(task, "train", recipe),
        validation=workshop.loader(task, "validation"),
        objective=workshop.objective(task),
        seed=seed,
        precision=task.precision,
        masks=held(network, model.plan) if isinstance(model.plan, MaskPlan) else (),
        step=workshop.execution.step,
        hook=hook,
        macs=macs,
    )


def train(
    workshop: Workshop,
    stage: Stage,
    model: Model,
    course: Course,
    finish: Callable[[], dict[str, str]] = dict,
    look: Look = lambda _: {},
) -> Outcome:
    """Train a model from where its stage was left, and keep what comes out; `finish` adds blobs of its own.

    `look` may look at the network after every epoch, and must leave it as it is.
    """
    course = replace(course, step=way(model.network, course))
    saver = partial.Saver(workshop.store.partial, stage.key)
    resume = saver.load()
    work = [resume.work if resume else 0.0]

    def on_epoch(state: State) -> None:
        work[0] = state.work
        state.curve[-1].update(look(model.network))
        saver.save(state)
        workshop.on_epoch(stage, course.schedule.total, state.curve)

    try:
        curve = fit(model.network, course, resume=resume, on_epoch=on_epoch)
    except DivergedError as error:
        steps = min(error.epoch * course.train.steps, course.steps)
        ledger = _ledger(stage, course, model, workshop, steps, None)
        return Outcome(ledger, status="diverged", reason=f"{stage.kind}: {error}")
    found = finish()
    seen = evaluate(model.network, course.validation, course.objective, course.precision)
    blobs = save_model(workshop, model) | found | {"curve": _put_curve(workshop, curve)}
    ledger = _ledger(stage, course, model, workshop, course.steps, work[0] if course.hook else None)
    return Outcome(ledger, blobs, seen.metrics("validation", _when(stage)))


def on_device(workshop: Workshop, model: Model) -> nn.Module:
    """The model's network, moved to the device in the layout that trains fastest, its masks applied."""
    layout = torch.channels_last if workshop.execution.channels_last else torch.contiguous_format
    network = model.network.to(workshop.device)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.to(memory_format=layout)  # type: ignore[call-overload]
    if isinstance(model.plan, MaskPlan):
        apply_masks_(network, model.plan)
    return network


def _ledger(
    stage: Stage, course: Course, model: Model, workshop: Workshop, steps: int, work: float | None
) -> LedgerEntry:
    """What `steps` of a course have cost: all of them, or those before it diverged (then charged as the whole network).

    `work` is the sum over the steps where a hook changed what they cost.
    """
    recipe, per_epoch = course.recipe, course.train.steps
    whole, rest = divmod(steps, per_epoch)
    samples = whole * course.train.samples + rest * recipe.batch_size
    example = workshop.data(root_task(stage).data).example().to(workshop.device)
    macs = count(model.network, example, model.masks).macs
    work = 3.0 * macs * samples if work is None else work
    return LedgerEntry(
        stage=charged_to(stage),
        epochs=course.schedule.total if steps == course.steps else steps / per_epoch,
        steps=steps,
        samples=samples,
        schedule=str(course.schedule),
        optimizer=canonical(recipe.optimizer.model_dump(mode="json")),
        momentum=recipe.optimizer.momentum,
        weight_decay=recipe.optimizer.weight_decay,
        batch_size=recipe.batch_size,
        augmentation=",".join(recipe.augment),
        macs_per_sample=work / (3 * samples) if samples else macs,
        multiply_adds=work,
        executed="dense" if model.masks or course.hook else "small",
        step=course.step,
    )


def charged_to(stage: Stage) -> ChargedTo:
    """The stage that the audit compares: a method's own training is pruning, or the pretraining of its own base."""
    if stage.kind == "sparsify":
        return "pretrain" if stage.spec["own_base"] else "prune"
    return stage.kind


def _when(stage: Stage) -> str:
    return {"pretrain": "base", "prune": "sparsified"}.get(charged_to(stage), "final")


def _put_curve(workshop: Workshop, curve: Curve) -> str:
    rows = [{key: value if math.isfinite(value) else None for key, value in row.items()} for row in curve]
    return workshop.store.put_blob(canonical(rows).encode())


def _checkpoint(workshop: Workshop, task: Task, network: nn.Module) -> Outcome:
    model = Model(network.to(workshop.device), DensePlan())
    seen = evaluate(model.network, workshop.loader(task, "validation"), workshop.objective(task), task.precision)
    return Outcome(LedgerEntry(stage="pretrain"), save_model(workshop, model), seen.metrics("validation", "base"))
