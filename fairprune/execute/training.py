"""Stages that train: pretrain, retrain, scratch. They differ in where they start and in their schedule."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from fairprune import schedules, seeds
from fairprune.canonical import canonical
from fairprune.execute import partial
from fairprune.execute.models import Model, dense_network, load_model, load_plan, planned_network, save_model
from fairprune.execute.workshop import Outcome, Workshop, parent_info, root_task
from fairprune.measure.accuracy import evaluate
from fairprune.measure.cost import count
from fairprune.networks.checkpoint import load_checkpoint
from fairprune.networks.initialise import initialise
from fairprune.pruning.granularity.remove import remove_channels
from fairprune.pruning.masks import apply_masks_, held, initialise_sparse_
from fairprune.pruning.plan import ChannelPlan, DensePlan, MaskPlan, Plan
from fairprune.record import LedgerEntry, StageResult
from fairprune.schedules import Schedule
from fairprune.spec import Recipe, Task
from fairprune.stages import Stage, task_of
from fairprune.train import Course, Curve, DivergedError, fit


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
    return _train(workshop, stage, task, Model(network, DensePlan()), recipe, schedule, seed)


def retrain(workshop: Workshop, stage: Stage, parents: tuple[StageResult, ...]) -> Outcome:
    """Retraining of the pruned (or dense) network, from its own weights or from a rewound base's."""
    model = load_model(workshop, stage.parents[0], parents[0])
    if len(parents) > 1:
        source = load_model(workshop, stage.parents[1], parents[1]).network
        model = _planned(source, model.plan)
    spec: Any = stage.spec
    recipe = Recipe.model_validate(spec["recipe"])
    seed = seeds.derive("retrain", spec["run_seed"], spec["round"])
    return _train(workshop, stage, task_of(stage.spec), model, recipe, schedules.parse(recipe.schedule), seed)


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
    return _train(workshop, stage, task, Model(network, plan), recipe, schedule, seed)


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


def _planned(network: nn.Module, plan: Plan) -> Model:
    return Model(remove_channels(network, plan) if isinstance(plan, ChannelPlan) else network, plan)


def _train(
    workshop: Workshop, stage: Stage, task: Task, model: Model, recipe: Recipe, schedule: Schedule, seed: int
) -> Outcome:
    network = _on_device(workshop, model)
    course = Course(
        recipe=recipe,
        schedule=schedule,
        train=workshop.loader(task, "train", recipe),
        validation=workshop.loader(task, "validation"),
        objective=workshop.objective(task),
        seed=seed,
        precision=task.precision,
        masks=held(network, model.plan) if isinstance(model.plan, MaskPlan) else (),
        compiled=workshop.execution.compiled,
    )
    saver = partial.Saver(workshop.store.partial, stage.key)

    def on_epoch(state: Any) -> None:
        saver.save(state)
        workshop.on_epoch(stage, schedule.total, state.curve)

    try:
        curve = fit(network, course, resume=saver.load(), on_epoch=on_epoch)
    except DivergedError as error:
        steps = min(error.epoch * course.train.steps, course.steps)
        return Outcome(
            _ledger(stage, course, model, workshop, steps), status="diverged", reason=f"{stage.kind}: {error}"
        )
    seen = evaluate(network, course.validation, course.objective, task.precision)
    blobs = save_model(workshop, model) | {"curve": _put_curve(workshop, curve)}
    ledger = _ledger(stage, course, model, workshop, course.steps)
    return Outcome(ledger, blobs, seen.metrics("validation", _when(stage)))


def _on_device(workshop: Workshop, model: Model) -> nn.Module:
    layout = torch.channels_last if workshop.execution.channels_last else torch.contiguous_format
    network = model.network.to(workshop.device)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.to(memory_format=layout)  # type: ignore[call-overload]
    if isinstance(model.plan, MaskPlan):
        apply_masks_(network, model.plan)
    return network


def _ledger(stage: Stage, course: Course, model: Model, workshop: Workshop, steps: int) -> LedgerEntry:
    """What `steps` of a course have cost: all of them, or those before it diverged."""
    recipe, per_epoch = course.recipe, course.train.steps
    whole, rest = divmod(steps, per_epoch)
    samples = whole * course.train.samples + rest * recipe.batch_size
    example = workshop.data(root_task(stage).data).example().to(workshop.device)
    macs = count(model.network, example, model.masks).macs
    return LedgerEntry(
        stage=stage.kind,
        epochs=course.schedule.total if steps == course.steps else steps / per_epoch,
        steps=steps,
        samples=samples,
        schedule=str(course.schedule),
        optimizer=canonical(recipe.optimizer.model_dump(mode="json")),
        momentum=recipe.optimizer.momentum,
        weight_decay=recipe.optimizer.weight_decay,
        batch_size=recipe.batch_size,
        augmentation=",".join(recipe.augment),
        macs_per_sample=macs,
        multiply_adds=3.0 * macs * samples,
        executed="dense" if model.masks else "small",
    )


def _when(stage: Stage) -> str:
    return "base" if stage.kind == "pretrain" else "final"


def _put_curve(workshop: Workshop, curve: Curve) -> str:
    rows = [{key: value if math.isfinite(value) else None for key, value in row.items()} for row in curve]
    return workshop.store.put_blob(canonical(rows).encode())


def _checkpoint(workshop: Workshop, task: Task, network: nn.Module) -> Outcome:
    model = Model(network.to(workshop.device), DensePlan())
    seen = evaluate(model.network, workshop.loader(task, "validation"), workshop.objective(task), task.precision)
    return Outcome(LedgerEntry(stage="pretrain"), save_model(workshop, model), seen.metrics("validation", "base"))
