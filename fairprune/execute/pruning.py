"""Stages that prune: score and prune."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from fairprune import registry, seeds
from fairprune.execute.models import Model, load_model, save_model
from fairprune.execute.workshop import Outcome, Workshop, root_task
from fairprune.measure.accuracy import evaluate
from fairprune.measure.cost import count
from fairprune.pruning.apply import apply_plan, space_of
from fairprune.pruning.scoring import score as score_layers
from fairprune.pruning.target import reach
from fairprune.record import LedgerEntry, Size, StageResult
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
        layers=space.layers,
        batches=lambda: calibration(workshop, task, Calibration.model_validate(spec["calibration"]), seed),
        loss=workshop.objective(task).loss,
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
        multiply_adds=found.passes * macs * found.samples,
        executed="dense" if model.masks else "small",
    )
    return Outcome(ledger, {"scores": workshop.store.put_tensors(tensors)})
