"""The one training loop: every stage that trains, trains here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from fairprune import seeds
from fairprune.data.batches import Loader
from fairprune.measure.accuracy import Objective, Precision, evaluate
from fairprune.optimizers import make_optimizer
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
    compiled: bool = False

    @property
    def steps(self) -> int:
        """Optimizer steps in all; a schedule that ends within an epoch ends within it here too."""
        return round(self.schedule.total * self.train.steps)


class DivergedError(Exception):
    """The loss, or the weights after the last step, were not finite at the end of an epoch (counted from 1)."""

    def __init__(self, epoch: int, what: str = "loss") -> None:
        super().__init__(f"{what} not finite in epoch {epoch}")
        self.epoch = epoch


def fit(
    network: nn.Module,
    course: Course,
    *,
    resume: State | None = None,
    on_epoch: Callable[[State], None] = lambda _: None,
) -> Curve:
    """Train the network in place and return its curve.

    The rate of a step is the schedule's at the middle of the step. Validation is read after every epoch, and chooses
    the weights only where the recipe says checkpoint = "best". `on_epoch` gets a state to resume from.
    Raises DivergedError.
    """
    optimizer = make_optimizer(network, course.recipe.optimizer)
    state = resume or State()
    if resume:
        network.load_state_dict(state.network)
        optimizer.load_state_dict(state.optimizer)
    forward = torch.compile(network) if course.compiled else network
    per_epoch = course.train.steps
    for epoch in range(state.epoch, math.ceil(course.steps / per_epoch) if per_epoch else 0):
        loss = _epoch(forward, optimizer, course, epoch)
        if not math.isfinite(loss):
            raise DivergedError(epoch + 1)
        if not all(bool(parameter.isfinite().all()) for parameter in network.parameters()):
            raise DivergedError(epoch + 1, "weights")  # the next loss would say so, but there may be none
        state = _look(network, optimizer, course, state, epoch, loss)
        on_epoch(state)
    if course.recipe.checkpoint == "best" and state.best:
        network.load_state_dict(state.best)
    return state.curve


def _epoch(network: Any, optimizer: torch.optim.Optimizer, course: Course, epoch: int) -> float:
    """One epoch, or what is left of the last; the mean loss over its samples, read from the device once."""
    per_epoch, first = course.train.steps, epoch * course.train.steps
    parameters = [parameter.data for parameter, _ in course.masks]
    masks = [mask.to(parameter.dtype) for parameter, mask in course.masks]
    network.train()
    total, samples = torch.zeros((), device=course.train.device), 0
    with _seeded(course.train.device, "train", course.seed, epoch):
        for step, (images, targets) in enumerate(
            course.train.epoch(seeds.derive("batches", course.seed, epoch)), first
        ):
            if step >= course.steps:
                break
            for group in optimizer.param_groups:
                group["lr"] = course.schedule.at((step + 0.5) / per_epoch)
            with torch.autocast(images.device.type, torch.bfloat16, enabled=course.precision == "bf16"):
                loss = course.objective.loss(network(images), targets, course.recipe.label_smoothing)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if masks:  # after every step: neither momentum nor weight decay may bring a pruned weight back
                torch._foreach_mul_(parameters, masks)
            total.add_(loss.detach(), alpha=len(targets))  # the last batch may be smaller, and counts for less
            samples += len(targets)
    return float(total) / max(samples, 1)


def _look(
    network: nn.Module, optimizer: torch.optim.Optimizer, course: Course, state: State, epoch: int, loss: float
) -> State:
    """The state after an epoch, with its row of the curve and the best weights so far where they are asked for."""
    seen = evaluate(network, course.validation, course.objective, course.precision)
    end = min((epoch + 1) * course.train.steps, course.steps) / course.train.steps
    row = {"epoch": end, "rate": optimizer.param_groups[0]["lr"], "train_loss": loss, **seen.values}
    weights = {name: tensor.detach() for name, tensor in network.state_dict().items()}
    best = state.best
    if course.recipe.checkpoint == "best":
        first = course.objective.quantities[0]
        sign = 1 if first.direction == "higher" else -1
        if not state.curve or sign * row[first.name] > max(sign * old[first.name] for old in state.curve):
            best = {name: tensor.clone() for name, tensor in weights.items()}
    return State(epoch + 1, weights, optimizer.state_dict(), best, [*state.curve, row])


@contextmanager
def _seeded(device: torch.device, purpose: str, *axes: int) -> Iterator[None]:
    """The global generators (dropout) of the CPU and the device seeded for a while, and then as they were."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seeds.derive(purpose, *axes))
        yield
