"""What a training run is made of, and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from fairprune.data.batches import Loader
from fairprune.hook import Hook
from fairprune.measure.accuracy import Objective, Precision
from fairprune.record import Step
from fairprune.schedules import Schedule
from fairprune.spec import Recipe

Curve = list[dict[str, float]]  # one row an epoch: epoch, rate, train_loss, and each validation quantity


@dataclass
class State:
    """Where training stands after whole epochs: all that is needed to go on exactly as if nothing had happened."""

    epoch: int = 0
    network: dict[str, Tensor] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    best: dict[str, Tensor] = field(default_factory=dict)
    curve: Curve = field(default_factory=list)
    method: dict[str, Tensor] = field(default_factory=dict)  # the hook's own tensors
    work: float = 0.0  # multiply-adds so far, where a hook changes them on the way


@dataclass(frozen=True)
class Course:
    """What a training run is made of, besides the network."""

    recipe: Recipe
    schedule: Schedule
    train: Loader
    validation: Loader
    objective: Objective
    seed: int
    precision: Precision = "fp32"
    masks: tuple[tuple[nn.Parameter, Tensor], ...] = ()
    step: Step = "eager"  # where the hook allows it
    hook: Hook | None = None
    macs: Callable[[Mapping[str, Tensor]], float] = lambda _: 0.0  # of one sample under these masks, for the hook

    @property
    def steps(self) -> int:
        """Optimizer steps in all; a schedule that ends within an epoch ends within it here too."""
        return round(self.schedule.total * self.train.steps)


class DivergedError(Exception):
    """The loss, or after the last step the weights or a method's state, were not finite in an epoch (from 1)."""

    def __init__(self, epoch: int, what: str = "loss") -> None:
        super().__init__(f"{what} not finite in epoch {epoch}")
        self.epoch = epoch
