"""The one training loop: every stage that trains, trains here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import nn

from fairprune import seeds
from fairprune.hook import Hook, Now
from fairprune.measure.accuracy import evaluate
from fairprune.optimizers import make_optimizer
from fairprune.train.course import Course, Curve, DivergedError, State
from fairprune.train.meter import Meter
from fairprune.train.step import Gradients, gradients_of


def fit(
    network: nn.Module,
    course: Course,
    *,
    resume: State | None = None,
    on_epoch: Callable[[State], None] = lambda _: None,
) -> Curve:
    """Train the network in place and return its curve.

    The rate of a step is the schedule's at the middle of the step. Validation is read after every epoch, and chooses
    the weights only where the recipe says checkpoint = "best". `on_epoch` gets a state to resume from. A hook in the
    course has been put on the network already; taking it off (`finish`) is the caller's.
    Raises DivergedError.
    """
    optimizer = make_optimizer(network, course.recipe.optimizer)
    state = resume or State()
    if resume:
        _restore(network, optimizer, course.hook, state)
    meter = Meter(course, state.work)
    gradients = gradients_of(network, course)
    per_epoch = course.train.steps
    for epoch in range(state.epoch, math.ceil(course.steps / per_epoch) if per_epoch else 0):
        one = partial(_epoch, network, gradients, optimizer, course, epoch, meter)
        loss = _converging(network, course.hook, epoch + 1, one)
        state = _look(network, optimizer, course, state, epoch, loss, meter)
        on_epoch(state)
    if course.recipe.checkpoint == "best" and state.best:
        network.load_state_dict(state.best)
    return state.curve


def _converging(network: nn.Module, hook: Hook | None, number: int, epoch: Callable[[], float]) -> float:
    """The loss of an epoch. Raises DivergedError where it, the weights or a method's state are not finite.

    The next loss would say so, but there may be none; and a method may choke on them, which then is no fault of its.
    """
    try:
        loss = epoch()
    except Exception as error:
        if hook and (broken := _broken(network, hook)):
            raise DivergedError(number, broken) from error
        raise
    if not math.isfinite(loss):
        raise DivergedError(number)
    if broken := _broken(network, hook):
        raise DivergedError(number, broken)
    return loss


def _broken(network: nn.Module, hook: Hook | None) -> str:
    """What is not finite: the weights, or something that a method remembers; "" if all is."""
    finite = [parameter.isfinite().all() for parameter in network.parameters()]
    if finite and not torch.stack(finite).all():  # read from the device once
        return "weights"
    tensors = hook.tensors if hook else {}
    return next((f"{name} of the method" for name, tensor in tensors.items() if not tensor.isfinite().all()), "")


def _restore(network: nn.Module, optimizer: torch.optim.Optimizer, hook: Hook | None, state: State) -> None:
    network.load_state_dict(state.network)
    optimizer.load_state_dict(state.optimizer)
    if hook:
        with torch.no_grad():
            for name, tensor in hook.tensors.items():
                tensor.copy_(state.method[name])
        hook.restored()


def _epoch(
    network: nn.Module,
    gradients: Gradients,
    optimizer: torch.optim.Optimizer,
    course: Course,
    epoch: int,
    meter: Meter,
) -> float:
    """One epoch, or what is left of the last; the mean loss over its samples, read from the device once."""
    per_epoch, first, hook = course.train.steps, epoch * course.train.steps, course.hook or Hook()
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
            now = Now(step, course.schedule.at((step + 0.5) / per_epoch), optimizer)
            for group in optimizer.param_groups:
                group["lr"] = now.rate
            optimizer.zero_grad(set_to_none=True)
            loss = gradients(images, targets, now)
            hook.on_gradients(now)
            optimizer.step()
            if masks:  # after every step: neither momentum nor weight decay may bring a pruned weight back
                torch._foreach_mul_(parameters, masks)
            meter.charge(step, len(targets))
            hook.on_step(now)
            total.add_(loss, alpha=len(targets))  # the last batch may be smaller, and counts for less
            samples += len(targets)
    hook.on_epoch(epoch + 1)
    return float(total) / max(samples, 1)


def _look(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    course: Course,
    state: State,
    epoch: int,
    loss: float,
    meter: Meter,
) -> State:
    """The state after an epoch, with its row of the curve and the best weights so far where they are asked for."""
    seen = evaluate(network, course.validation, course.objective, course.precision)
    end = min((epoch + 1) * course.train.steps, course.steps) / course.train.steps
    row = {"epoch": end, "rate": optimizer.param_groups[0]["lr"], "train_loss": loss, **seen.values, **meter.row()}
    weights = {name: tensor.detach() for name, tensor in network.state_dict().items()}
    best = state.best
    if course.recipe.checkpoint == "best":
        first = course.objective.quantities[0]
        sign = 1 if first.direction == "higher" else -1
        if not state.curve or sign * row[first.name] > max(sign * old[first.name] for old in state.curve):
            best = {name: tensor.clone() for name, tensor in weights.items()}
    method = dict(course.hook.tensors) if course.hook else {}
    return State(epoch + 1, weights, optimizer.state_dict(), best, [*state.curve, row], method, meter.work)


@contextmanager
def _seeded(device: torch.device, purpose: str, *axes: int) -> Iterator[None]:
    """The global generators (dropout) of the CPU and the device seeded for a while, and then as they were."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seeds.derive(purpose, *axes))
        yield
