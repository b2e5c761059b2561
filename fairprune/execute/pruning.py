"""Stages that prune: score and prune."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from fairprune import registry, seeds
from fairprune.data.batches import Batch
from fairprune.execute.models import Model, dense_network, load_model, save_model
from fairprune.execute.spreading import allocation_of
from fairprune.execute.workshop import Outcome, Workshop, root_task
from fairprune.measure.accuracy import evaluate
from fairprune.measure.cost import count
from fairprune.pruning.apply import combined, load_weights_, pruned, space_of
from fairprune.pruning.deciding import Asked, Decision, Look, Procedure, decide, score_space
from fairprune.pruning.plan import BlockPlan, ChannelPlan, DensePlan
from fairprune.pruning.space import Space
from fairprune.record import LedgerEntry, Size, StageResult
from fairprune.spec import Calibration, Target, Task
from fairprune.stages import Stage


def score(workshop: Workshop, stage: Stage, parents: tuple[StageResult, ...]) -> Outcome:
    """Scores of a criterion on calibration samples of the training split, which are all that it may look at."""
    spec: Any = stage.spec
    task = root_task(stage)
    model = load_model(workshop, stage.parents[0], parents[0])
    space = space_of(model.network, model.plan, _example(workshop, task), spec["granularity"], tuple(spec["spare"]))
    criterion = registry.load("criterion", spec["criterion"], workshop.folder)
    look = _look(workshop, task, spec, spec["calibration"])
    found = score_space(model.network.to(workshop.device), space, criterion, spec["options"], look)
    tensors = {f"scores/{name}": tensor for name, tensor in found.scores.items()}
    tensors |= {f"weights/{name}": tensor for name, tensor in found.weights.items()}
    ledger = _looked(workshop, task, "score", model, found.samples, found.sample_passes)
    return Outcome(ledger, {"scores": workshop.store.put_tensors(tensors)})


def calibration(workshop: Workshop, task: Task, spec: Calibration, seed: int) -> Iterator[Batch]:
    """Batches of training samples, not augmented, drawn without replacement: the same for every criterion and seed."""
    loader = workshop.loader(task, "train", batch_size=spec.batch_size)
    order = torch.randperm(len(loader.split), generator=seeds.generator("calibration", seed))
    return loader.at(order[: spec.samples])


def prune(workshop: Workshop, stage: Stage, parents: tuple[StageResult, ...]) -> Outcome:
    """The network pruned to its target, its plan relative to the dense network, and its accuracy before retraining."""
    spec: Any = stage.spec
    task = root_task(stage)
    model = load_model(workshop, stage.parents[0], parents[0])
    asked, sizes = _asked(workshop, task, model, spec, parents)
    scores, weights = _given(workshop, parents[1])
    load_weights_(model.network, weights)
    how, look = _procedure(workshop, spec), _look(workshop, task, spec, spec.get("calibration"))
    decision = decide(model.network.to(workshop.device), asked, how, look, scores)
    load_weights_(model.network, decision.weights)
    plan = asked.space.plan(decision.choice.kept)
    small = Model(pruned(model.network, plan), combined(model.plan, plan))
    seen = evaluate(
        small.network.to(workshop.device), workshop.loader(task, "validation"), workshop.objective(task), task.precision
    )
    ledger = _looked(workshop, task, "prune", model, decision.samples, decision.sample_passes)
    info = _info(decision, sizes, asked.dense)
    return Outcome(ledger, save_model(workshop, small), seen.metrics("validation", "pruned"), info)


def _asked(
    workshop: Workshop, task: Task, model: Model, spec: Any, parents: tuple[StageResult, ...]
) -> tuple[Asked, dict[str, int]]:
    """What is to be reached with the network at hand, and how many units each group of the dense one has."""
    example, whole, spare = _example(workshop, task), dense_network(workshop, task), tuple(spec["spare"])
    space = space_of(model.network, model.plan, example, spec["granularity"], spare)
    # an earlier round has left the network at hand fewer units than the dense one
    earlier = isinstance(model.plan, (ChannelPlan, BlockPlan))
    sizes = _sizes(space_of(whole, DensePlan(), example, spec["granularity"], spare) if earlier else space)
    asked = Asked(
        space=space,
        name=spec["allocation"],
        allocate=allocation_of(workshop, space, spec, parents),
        target=Target.model_validate(spec["target"]),
        dense=count(whole, example).size,
        units=sum(sizes.values()),
        reduce=spec["reduce"],
    )
    return asked, sizes


def _procedure(workshop: Workshop, spec: Any) -> Procedure:
    """How a prune stage chooses: by scores that are there, or by a criterion of its own; and what it mends."""
    scoring = spec.get("scoring")
    repair = registry.load("repair", spec["repair"], workshop.folder) if "repair" in spec else None
    return Procedure(
        criterion=registry.load("criterion", scoring["criterion"], workshop.folder) if scoring else None,
        options=scoring["options"] if scoring else {},
        steps=spec.get("steps", 1),
        repair=repair,
        repair_options=spec.get("repair_options", {}),
    )


def _look(workshop: Workshop, task: Task, spec: Any, wanted: Any) -> Look:
    """What a criterion may look at; without a calibration of the spec's, nothing."""
    inside = spec.get("scoring") or spec
    wanted = wanted or inside.get("calibration")
    seed = seeds.derive("score", inside["run_seed"], inside["round"]) if wanted else 0
    return Look(
        batches=lambda: calibration(workshop, task, Calibration.model_validate(wanted), seed) if wanted else iter(()),
        loss=workshop.objective(task).loss,
        example=_example(workshop, task),
        seed=seed,
    )


def _looked(workshop: Workshop, task: Task, stage: Any, model: Model, samples: int, passes: float) -> LedgerEntry:
    """What looking at calibration samples cost; pruning itself trains nothing."""
    schedule = "none" if stage == "prune" else ""
    if not passes:
        return LedgerEntry(stage=stage, schedule=schedule)
    macs = count(model.network, _example(workshop, task).to(workshop.device), model.masks).macs
    return LedgerEntry(
        stage=stage,
        schedule=schedule,
        samples=samples,
        macs_per_sample=macs,
        multiply_adds=passes * macs,
        executed="dense" if model.masks else "small",
    )


def _info(decision: Decision, sizes: Mapping[str, int], dense: Size) -> dict[str, Any]:
    choice = decision.choice
    return {
        "kept": {name: [kept, sizes[name]] for name, kept in choice.counts.items()},
        "on_target": choice.on_target,
        "achieved": choice.achieved,
        "dense": dense.model_dump(),
        "small": choice.size.model_dump(),
    }


def _given(workshop: Workshop, parent: StageResult) -> tuple[dict[str, Tensor] | None, dict[str, Tensor]]:
    """Scores and new weights that a stage left; None where it left no scores."""
    if "scores" not in parent.blobs:
        return None, {}
    found, _ = workshop.store.tensors(parent.blobs["scores"])
    return _part(found, "scores/"), _part(found, "weights/")


def _example(workshop: Workshop, task: Task) -> Tensor:
    return workshop.data(task.data).example()


def _sizes(space: Space) -> dict[str, int]:
    return {group.name: group.size for group in space.groups}


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
