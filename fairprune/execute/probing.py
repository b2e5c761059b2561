"""What a study may ask for besides accuracy and size: Jacobians and latency, in stages, and metrics of curves."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn

from fairprune import schedules, seeds
from fairprune.execute import training
from fairprune.execute.latency import latency
from fairprune.execute.models import load_model
from fairprune.execute.workshop import Outcome, Workshop, root_task
from fairprune.measure.cost import count
from fairprune.measure.jacobian import samples_at_once, spectrum
from fairprune.record import LedgerEntry, Metric, StageResult
from fairprune.spec import Task
from fairprune.stages import Stage
from fairprune.store import Store
from fairprune.trainability import Rows, convergence, epochs_to_share, trainability

Direction = Literal["higher", "lower", "none"]
_WHEN = {"pretrain": "base", "sparsify": "base", "prune": "pruned"}


def probe(workshop: Workshop, stage: Stage, parents: tuple[StageResult, ...]) -> Outcome:
    """What the spec names: latency, or the Jacobian of the parent, along its retraining if there is a recipe."""
    if stage.spec["metric"] == "latency":
        return latency(workshop, stage, parents)
    if "recipe" in stage.spec:
        return _along(workshop, stage, parents)
    task = root_task(stage)
    model = load_model(workshop, stage.parents[0], parents[0])
    network = model.network.to(workshop.device)
    found = spectrum(network, _inputs(workshop, task, stage))
    macs = count(network, workshop.data(task.data).example().to(workshop.device), model.masks).macs
    ledger = LedgerEntry(
        stage="probe",
        samples=len(found.values),
        macs_per_sample=macs,
        multiply_adds=float(macs) * found.passes * len(found.values),
        executed="dense" if model.masks else "small",
    )
    return Outcome(ledger, metrics=found.metrics(_WHEN.get(stage.parents[0].kind, "final")))


def _along(workshop: Workshop, stage: Stage, parents: tuple[StageResult, ...]) -> Outcome:
    """The parent retrained once more, as the stage that counts does: its curve with columns for the Jacobian.

    Both the training and the looks are charged. Where training is not deterministic, this is another run of the same.
    """
    task = root_task(stage)

    def look(network: nn.Module) -> dict[str, float]:
        return {m.name: m.value for m in spectrum(network, _inputs(workshop, task, stage)).metrics("")}

    done = training.retrain(workshop, stage, parents, look)
    whole = "curve" in done.blobs  # else it diverged in its last epoch, which was not looked at
    looks = len(read_curve(workshop.store, done.blobs["curve"])) if whole else math.ceil(done.ledger.epochs) - 1
    passes = looks * _samples(workshop, task, stage) * (1 + workshop.data(task.data).classes)
    charged = done.ledger.multiply_adds + passes * done.ledger.macs_per_sample
    ledger = done.ledger.model_copy(update={"multiply_adds": charged})
    blobs = {name: blob for name, blob in done.blobs.items() if name == "curve"}
    return Outcome(ledger, blobs, status=done.status, reason=done.reason)


def _inputs(workshop: Workshop, task: Task, stage: Stage) -> Iterator[Tensor]:
    """The fixed sample of the training split, not augmented: the same for every network, run and seed."""
    data = workshop.data(task.data)
    batch_size = samples_at_once(data.classes, data.example().numel())
    loader = workshop.loader(task, "train", batch_size=batch_size)
    order = torch.randperm(len(loader.split), generator=seeds.generator("jacobian"))
    return (images for images, _ in loader.at(order[: _samples(workshop, task, stage)]))


def _samples(workshop: Workshop, task: Task, stage: Stage) -> int:
    wanted: Any = stage.spec["samples"]
    return min(int(wanted), len(workshop.data(task.data).splits["train"]))


def read_curve(store: Store, blob: str) -> Rows:
    """A training stage's curve: a row an epoch, None where a number was not finite."""
    rows: Rows = json.loads(store.blob(blob))
    return rows


def curve_metrics(store: Store, retrained: StageResult) -> Iterator[Metric]:
    """Trainability, read off the curve of a finished retraining, without what its schedule or length does not define.

    It is that of the quantity that selects checkpoints, if more of it is better: top-1 accuracy on validation.
    """
    quantity = next((metric for metric in retrained.metrics if metric.split == "validation"), None)
    if quantity is None or quantity.direction != "higher" or "curve" not in retrained.blobs:
        return
    rows, schedule = read_curve(store, retrained.blobs["curve"]), schedules.parse(retrained.ledger.schedule)
    slope = convergence(rows, quantity.name, schedule)
    found: dict[str, tuple[float | None, Direction, str]] = {
        "trainability": (trainability(rows, quantity.name, schedule), "higher", quantity.unit),
        "epochs_to_95": (epochs_to_share(rows, quantity.name), "lower", "epochs"),
    }
    if slope:
        unit = f"{quantity.unit}/epoch"
        ends = {"convergence_slope": slope.value, "convergence_low": slope.low, "convergence_high": slope.high}
        found |= {name: (value, "none", unit) for name, value in ends.items()}
        found["under_converged"] = (float(slope.rising), "lower", "")
    for name, (value, direction, unit) in found.items():
        if value is not None:
            yield quantity.model_copy(update={"name": name, "value": value, "direction": direction, "unit": unit})
