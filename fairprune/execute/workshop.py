"""What a stage's computation may use, and what it yields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import JsonValue

from fairprune import registry
from fairprune.data.batches import Loader
from fairprune.data.split import Data, Split
from fairprune.execute.execution import Execution
from fairprune.measure.accuracy import Objective
from fairprune.record import LedgerEntry, Metric, StageResult
from fairprune.spec import DataSpec, Recipe, Task
from fairprune.stages import Stage, task_of
from fairprune.store import Store
from fairprune.train import Curve

EVALUATION_BATCH = 500  # evaluation has no gradients to keep, so larger batches pay


@dataclass(frozen=True)
class Outcome:
    """What a stage yielded."""

    ledger: LedgerEntry
    blobs: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[Metric, ...] = ()
    info: Mapping[str, JsonValue] = field(default_factory=dict)
    status: Literal["done", "diverged"] = "done"
    reason: str = ""


@dataclass(frozen=True)
class Workshop:
    """Everything outside a stage's spec and parents that its computation uses."""

    store: Store
    data: Callable[[DataSpec], Data]
    checkpoint: Callable[[str], Path]  # digest -> file
    execution: Execution = field(default_factory=Execution)
    folder: Path | None = None
    on_epoch: Callable[[Stage, float, Curve], None] = lambda *_: None  # stage, epochs in all, curve so far

    @property
    def device(self) -> torch.device:
        """Where networks and resident data live."""
        return torch.device(self.execution.device)

    def objective(self, task: Task) -> Objective:
        """The task's loss and metrics."""
        objective: Objective = registry.load("objective", task.objective, self.folder)
        return objective

    def loader(
        self, task: Task, split: str, recipe: Recipe | None = None, batch_size: int = EVALUATION_BATCH
    ) -> Loader:
        """Batches of a split; augmented only by the recipe of a training stage."""
        data = self.data(task.data)
        chosen: Split = data.splits[split]
        return Loader(
            split=chosen.to(self.device),
            batch_size=recipe.batch_size if recipe else batch_size,
            device=self.device,
            mean=data.mean,
            std=data.std,
            augment=recipe.augment if recipe else (),
            channels_last=self.execution.channels_last,
        )


def root(stage: Stage) -> Stage:
    """The pretraining stage from which a stage descends."""
    while stage.parents:
        stage = stage.parents[0]
    return stage


def root_task(stage: Stage) -> Task:
    """The task of the base from which a stage descends."""
    return task_of(root(stage).spec)


def parent_info(parents: tuple[StageResult, ...], name: str) -> Any:
    """The value that the nearest parent noted under a name."""
    return next(parent.info[name] for parent in parents if name in parent.info)
