"""A small network, data that can be learnt, and training runs with a hook: what tests of methods start from."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace

import pytest
import torch
from torch import nn

from fairprune import registry, schedules, seeds
from fairprune.data.batches import Loader
from fairprune.data.resident import ResidentSplit
from fairprune.hook import Hook, Now
from fairprune.measure.accuracy import classification
from fairprune.measure.cost import count
from fairprune.pruning.apply import space_of
from fairprune.pruning.bind import bind
from fairprune.pruning.choosing import choose_for, target_unknown
from fairprune.pruning.plan import DensePlan
from fairprune.pruning.training_method import Setting
from fairprune.spec import Optimizer, Recipe, Target, default_allocation
from fairprune.train import Course, fit

CPU = torch.device("cpu")
CLASSES = 4


def small_network(seed=0):
    """Two convolutions with batch norm and two linear layers, for 2 x 8 x 8 inputs and 4 classes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            *(nn.Conv2d(2, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()),
            *(nn.Conv2d(8, 12, 3, stride=2, bias=False), nn.BatchNorm2d(12), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(12 * 9, 16), nn.ReLU(), nn.Linear(16, CLASSES)),
        )


def loader(samples=64, batch_size=16):
    """Images whose class is which of four corners is brightest."""
    generator = torch.Generator().manual_seed(samples)
    images = torch.randint(0, 128, (samples, 2, 8, 8), generator=generator, dtype=torch.uint8)
    labels = torch.arange(samples) % CLASSES
    for image, label in zip(images, labels.tolist(), strict=True):
        row, column = divmod(label, 2)
        image[:, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] += 100
    return Loader(ResidentSplit("train", "", labels, images), batch_size, CPU, (0.4, 0.4), (0.25, 0.25))


@dataclass
class Trained:
    """A training run with a method: what it began with, its hook, the course, the states after every epoch, scores."""

    network: nn.Module
    setting: Setting
    hook: Hook
    course: Course
    states: list = field(default_factory=list)
    curve: list = field(default_factory=list)
    scores: object = None


@pytest.fixture
def begin():
    """A function that prepares training with a method: `begin(method, ...)` -> Trained, its hook built, not trained."""

    def prepare(
        method,
        *,
        network=None,
        target=2.0,
        axis="compression",
        granularity=None,
        allocation=None,
        schedule="constant:0.05 total:3",
        optimizer=None,
        seed=0,
        spare=("classifier",),
        wrap=lambda hook: hook,  # a test may look on: replace(hook, on_step=...)
        **options,
    ):
        network = small_network() if network is None else network
        train = loader()
        example = next(train.ordered())[0]
        granularity = granularity or method.granularities[0]
        space = space_of(network, DensePlan(), example, granularity, spare)
        name = allocation or method.allocation or default_allocation(granularity)
        allocate = bind(name, registry.load("allocation", name), space)
        plain = copy.deepcopy(network)
        dense = count(plain, example).size
        recipe = Recipe(schedule=schedule, batch_size=16, optimizer=optimizer or Optimizer())
        course = Course(recipe, schedules.parse(schedule), train, loader(24), classification, seed=seed)
        choose = choose_for(space, allocate, Target(axis=axis, value=target), dense)
        setting = Setting(
            network=network,
            space=space,
            choose=choose if method.bound else target_unknown,
            steps=course.steps,
            per_epoch=train.steps,
            samples=train.samples,
            generator=lambda purpose: seeds.generator("method", seed, purpose),
        )
        hook = wrap(method(setting, **options))
        course = replace(course, hook=hook, macs=lambda masks: count(plain, example, masks).macs)
        return Trained(network, setting, hook, course)

    return prepare


@pytest.fixture
def train(begin):
    """A function that trains with a method to the end: `train(method, ...)` -> Trained with states and scores.

    `stop` leaves off after that many epochs (the hook stays on); `resume` goes on from a state.
    """

    def run(method, *, resume=None, stop=None, **how):
        trained = begin(method, **how)

        class StoppedError(Exception):
            pass

        def on_epoch(state):
            trained.states.append(copy.deepcopy(state))
            if state.epoch == stop:
                raise StoppedError

        try:
            trained.curve = fit(trained.network, trained.course, resume=resume, on_epoch=on_epoch)
        except StoppedError:
            return trained
        trained.scores = trained.hook.finish()
        return trained

    return run


@pytest.fixture
def resumes(train):
    """A function that checks that a method stopped after an epoch and resumed ends exactly as one that ran through."""

    def check(method, **how):
        whole = train(method, **how)
        half = train(method, stop=1, **how)
        rest = train(method, resume=half.states[-1], **how)
        for name, tensor in whole.network.state_dict().items():
            assert torch.equal(tensor, rest.network.state_dict()[name]), name
        assert (whole.scores is None) == (rest.scores is None)
        for name, tensor in (whole.scores or {}).items():
            assert torch.equal(tensor, rest.scores[name]), name
        assert whole.states[-1].work == rest.states[-1].work
        return whole

    return check


@pytest.fixture
def added():
    """A function: what a hook adds to gradients of zero at a step, parameter name -> tensor."""

    def gradients(trained, step=0):
        parameters = dict(trained.network.named_parameters())
        for parameter in parameters.values():
            parameter.grad = torch.zeros_like(parameter)
        trained.hook.on_gradients(Now(step, 0.1, None))
        return {name: parameter.grad.clone() for name, parameter in parameters.items()}

    return gradients
