"""Stages that prune: score and prune."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from fairprune import registry, seeds
from fairprune.data.batches import Batch
from fairprune.execute.models import Model, dense_network, load_model, save_model
from fairprune.execute.spreading import allocation_of
from fairprune.execute.workshop import Outcome, Workshop, root_task
from fairprune.measure.accuracy import evaluate
from fairprune.measure.cost import count
from fairprune.pruning.apply import combined, load_weights_, pruned, space_of
from fairprune.pruning.plan import ChannelPlan, DensePlan
from fairprune.pruning.scoring import score as score_layers
from fairprune.pruning.space import Space
from fairprune.pruning.target import reach
from fairprune.record import LedgerEntry, StageResult
from fairprune.spec import Calibration, Target, Task
from fairprune.stages import Stage


def score(workshop: Workshop, stage: Stage, parents: tuple[StageResult, ...]) -> Outcome:
    """Scores of a criterion on calibration samples of the training split, which are all that it may look at."""
    spec: Any = stage.spec
    task = root_task(stage)
    model = load_model(workshop, stage.parents[0], parents[0])
    example = workshop.data(task.data).example()
    space = space_of(model.network, model.plan, example, spec["granularity"], tuple(spec["spare"]))
    seed = seeds.derive("score", spec["run_seed"], spec["round"])
    found = score_layers(
        model.network.to(workshop.device),
        registry.load("criterion", spec["criterion"], workshop.folder),
        spec["options"],
        granularity=spec["granularity"],
        layers=space.layers,
        batches=lambda: calibration(workshop, task, Calibration.model_validate(spec["calibration"]), seed),
        loss=workshop.objective(task).loss,
        example=example,
        seed=seed,
        batch_norm_of=space.batch_norm_of,
    )
    tensors = {f"scores/{name}": tensor for name, tensor in found.scores.items()}
    tensors |= {f"weights/{name}": tensor for name, tensor in found.weights.items()}
    macs = count(model.network, example.to(workshop.device), model.masks).macs
    ledger = LedgerEntry(
        stage="score",
        samples=found.samples,
        macs_per_sample=macs,
        multiply_adds=found.sample_passes * macs,
        executed="dense" if model.masks else "small",
    )
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
    example = workshop.data(task.data).example()
    whole, spare = dense_network(workshop, task), tuple(spec["spare"])
    space = space_of(model.network, model.plan, example, spec["granularity"], spare)
    # an earlier round has left the network at hand fewer units than the dense one
    earlier = isinstance(model.plan, ChannelPlan)
    sizes = _sizes(space_of(whole, DensePlan(), example, spec["granularity"], spare) if earlier else space)
    dense = count(whole, example).size
    found, _ = workshop.store.tensors(parents[1].blobs["scores"])
    allocate = allocation_of(workshop, space, spec, parents)
    grouped = space.group_scores(_part(found, "scores/"), spec["reduce"])
    choice = reach(space, grouped, allocate, Target.model_validate(spec["target"]), dense, sum(sizes.values()))
    load_weights_(model.network, _part(found, "weights/"))
    plan = space.plan(choice.kept)
    small = Model(pruned(model.network, plan), combined(model.plan, plan))
    seen = evaluate(
        small.network.to(workshop.device), workshop.loader(task, "validation"), workshop.objective(task), task.precision
    )
    info: dict[str, Any] = {
        "kept": {name: [kept, sizes[name]] for name, kept in choice.counts.items()},
        "on_target": choice.on_target,
        "achieved": choice.achieved,
        "dense": dense.model_dump(),
        "small": choice.size.model_dump(),
    }
    ledger = LedgerEntry(stage="prune", schedule="none")
    return Outcome(ledger, save_model(workshop, small), seen.metrics("validation", "pruned"), info)


def _sizes(space: Space) -> dict[str, int]:
    return {group.name: group.size for group in space.groups}


def _part(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
