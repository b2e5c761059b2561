"""Where methods that train are tried: a small network, data that can be learnt, and trainings with a hook."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from fairprune import registry, schedules, seeds
from fairprune.data.batches import Loader
from fairprune.data.resident import ResidentSplit
from fairprune.execute.sparsifying import macs_of
from fairprune.hook import Hook
from fairprune.measure.accuracy import Objective, Precision
from fairprune.measure.cost import Cost, count
from fairprune.pruning.apply import space_of
from fairprune.pruning.bind import bind
from fairprune.pruning.choosing import choose_for, target_unknown
from fairprune.pruning.deciding import Asked
from fairprune.pruning.plan import DensePlan
from fairprune.pruning.space import Space
from fairprune.pruning.training_method import Setting, TrainingMethod
from fairprune.spec import Optimizer, Recipe, Target, default_allocation
from fairprune.train import Course, Curve, State, fit

CPU = torch.device("cpu")
CLASSES = 4
EXAMPLE = torch.zeros(1, 2, 8, 8)
TARGET = Target(axis="compression", value=2.0)


def loader(samples: int = 64, batch_size: int = 16) -> Loader:
    """Images, 2 x 8 x 8, whose class is which of four corners is brightest."""
    generator = torch.Generator().manual_seed(samples)
    images = torch.randint(0, 128, (samples, 2, 8, 8), generator=generator, dtype=torch.uint8)
    labels = torch.arange(samples) % CLASSES
    for image, label in zip(images, labels.tolist(), strict=True):
        row, column = divmod(label, 2)
        image[:, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] += 100
    return Loader(ResidentSplit("train", "", labels, images), batch_size, CPU, (0.4, 0.4), (0.25, 0.25))


class Block(nn.Module):
    """A residual block of two convolutions with batch norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        """The input, and what the convolutions add to it."""
        return torch.relu(x + self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))))


def small_network() -> nn.Sequential:
    """For 2 x 8 x 8 inputs and 4 classes: a stem, two blocks, and a head with a linear layer before the classifier.

    Every layer but the classifier has a batch norm behind; the stem's channels are coupled with those of the blocks.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        whole = nn.Sequential()
        whole.add_module("stem", nn.Sequential(nn.Conv2d(2, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU()))
        whole.add_module("blocks", nn.Sequential(Block(6), Block(6)))
        down = nn.Conv2d(6, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten()
        linear = nn.Linear(8 * 9, 10, bias=False), nn.BatchNorm1d(10), nn.ReLU(), nn.Linear(10, CLASSES)
        whole.add_module("head", nn.Sequential(*down, *linear))
        return whole


@dataclass
class Trial:
    """A training with a method: what it is made of; and once it ran, the state after every epoch, curve and scores."""

    network: nn.Module
    setting: Setting
    hook: Hook
    course: Course
    asked: Asked
    states: list[State] = field(default_factory=list)
    curve: Curve = field(default_factory=list)
    scores: Mapping[str, Tensor] | None = None


def begin(
    method: TrainingMethod,
    network: nn.Module | None = None,
    *,
    target: Target = TARGET,
    granularity: str | None = None,
    allocation: str | None = None,
    schedule: str = "constant:0.05 total:3",
    optimizer: Optimizer | None = None,
    precision: Precision = "fp32",
    seed: int = 0,
    spare: tuple[str, ...] = ("classifier",),
    **options: Any,
) -> Trial:
    """Prepare training of a network (by default the small one) with a method: its hook is put on, nothing is trained.

    An epoch has 4 steps.
    """
    granularity, train = granularity or method.granularities[0], loader()
    space, cost = measured(network, granularity, spare) if network else _measured(granularity, spare)
    network = network or small_network()
    name = allocation or method.allocation or default_allocation(granularity)
    allocate = bind(name, registry.load("allocation", name), space)
    asked = Asked(space, name, allocate, target, cost.size, sum(group.size for group in space.groups))
    recipe = Recipe(schedule=schedule, batch_size=train.batch_size, optimizer=optimizer or Optimizer())
    objective: Objective = registry.load("objective", "classification")
    course = Course(recipe, schedules.parse(schedule), train, loader(24), objective, seed, precision)
    setting = Setting(
        network=network,
        space=space,
        choose=choose_for(space, allocate, target, cost.size) if method.bound else target_unknown,
        steps=course.steps,
        per_epoch=train.steps,
        samples=train.samples,
        generator=lambda purpose: seeds.generator("method", seed, purpose),
    )
    hook = method(setting, **options)
    return Trial(network, setting, hook, replace(course, hook=hook, macs=macs_of(cost)), asked)


def measured(network: nn.Module, granularity: str, spare: tuple[str, ...]) -> tuple[Space, Cost]:
    """What can be pruned of a network for these images, and what it costs."""
    return space_of(network, DensePlan(), EXAMPLE, granularity, spare), count(network, EXAMPLE)


@cache
def _measured(granularity: str, spare: tuple[str, ...]) -> tuple[Space, Cost]:
    return measured(small_network(), granularity, spare)


def watch(trial: Trial, hook: Hook) -> Trial:
    """Train with this hook instead, which may call the trial's own and look at what it does."""
    trial.hook, trial.course = hook, replace(trial.course, hook=hook)
    return trial


class _StoppedError(Exception):
    """Training was to go no further."""


def train(trial: Trial, *, resume: State | None = None, stop: int | None = None) -> Trial:
    """Train to the end, and take the hook off. `stop` leaves off after that many epochs (the hook stays on)."""

    def on_epoch(state: State) -> None:
        trial.states.append(copy.deepcopy(state))
        if state.epoch == stop:
            raise _StoppedError

    try:
        trial.curve = fit(trial.network, trial.course, resume=resume, on_epoch=on_epoch)
    except _StoppedError:
        return trial
    trial.scores = trial.hook.finish()
    return trial
