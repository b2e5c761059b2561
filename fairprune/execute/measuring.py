"""The stage that reads the test split, or validation in its place: once for the base, once for the final network."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

from fairprune.execute.models import load_model
from fairprune.execute.workshop import Outcome, Workshop, root_task
from fairprune.measure.accuracy import evaluate
from fairprune.measure.cost import count
from fairprune.record import LedgerEntry, StageResult
from fairprune.stages import Stage


def measure(workshop: Workshop, stage: Stage, parents: tuple[StageResult, ...]) -> Outcome:
    """Accuracy on the split with per-example correctness as packed bits, and the size of the network."""
    task = root_task(stage)
    split: Literal["test", "validation"] = "test" if stage.spec["split"] == "test" else "validation"
    model = load_model(workshop, stage.parents[0], parents[0])
    network = model.network.to(workshop.device)
    loader = workshop.loader(task, split)
    seen = evaluate(network, loader, workshop.objective(task), task.precision)
    size = count(network, workshop.data(task.data).example().to(workshop.device), model.masks).size
    bits = torch.from_numpy(np.packbits(seen.correct))
    blob = workshop.store.put_tensors({"correct": bits, "n": torch.tensor(len(seen.correct))})
    when = "base" if stage.parents[0].kind in ("pretrain", "sparsify") else "final"
    ledger = LedgerEntry(
        stage="measure",
        samples=len(seen.correct),
        macs_per_sample=size.macs,
        multiply_adds=float(size.macs) * len(seen.correct),
        executed="dense" if model.masks else "small",
        test_looks=int(split == "test"),
    )
    return Outcome(ledger, {"correct": blob}, seen.metrics(split, when), {"size": size.model_dump()})
