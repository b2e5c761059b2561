"""An epoch of training, by the package's loop and by a loop as it is usually written. Used by training.py."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from fairprune import registry, schedules
from fairprune.data.load import load_data
from fairprune.data.resident import ResidentSplit
from fairprune.data.split import Data
from fairprune.execute.execution import Execution
from fairprune.execute.models import Model, dense_network
from fairprune.execute.training import course_of
from fairprune.launch.site import Site
from fairprune.optimizers import make_optimizer
from fairprune.pruning.plan import DensePlan
from fairprune.record import Step
from fairprune.spec import DataSpec, NetworkSpec, Recipe, Task
from fairprune.train import Course, fit

BATCH, PAD = 128, 4
DATA = {"lenet5": ("mnist", (1, 28, 28)), "resnet20": ("cifar10", (3, 32, 32)), "resnet56": ("cifar10", (3, 32, 32))}


@dataclass(frozen=True)
class Asked:
    """What is trained, and how."""

    network: str
    steps: int
    threads: int = 1
    synthetic: bool = False
    device: str = "cpu"
    step: Step = "eager"


@dataclass(frozen=True)
class Time:
    """Wall clock and processor time, in seconds."""

    wall: float
    cpu: float

    def __sub__(self, earlier: Time) -> Time:
        return Time(self.wall - earlier.wall, self.cpu - earlier.cpu)


def now() -> Time:
    """Since some moment in the past; with the workers that were waited for."""
    own, workers = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return Time(time.perf_counter(), sum(used.ru_utime + used.ru_stime for used in (own, workers)))


def timed(run: Callable[[], object]) -> Time:
    """What a call takes."""
    before = now()
    run()
    return now() - before


@cache
def images(asked: Asked) -> Data:
    """As many training images as the steps take, and a ninth of that for validation, as in a split of nine to one."""
    name, shape = DATA[asked.network]
    wanted = {"train": asked.steps * BATCH, "validation": max(2, asked.steps * BATCH // 9)}
    if asked.synthetic:
        made = {
            split: ResidentSplit(split, "", torch.randint(10, (n,)), torch.randint(256, (n, *shape), dtype=torch.uint8))
            for split, n in wanted.items()
        }
        return Data(name, made["train"], made["validation"], made["validation"], 10, shape, (0.5,) * 3, (0.25,) * 3)
    data = load_data(DataSpec(name=name))

    def part(split: str) -> ResidentSplit:
        whole = data.splits[split]
        index = torch.arange(min(wanted[split], len(whole)))
        return ResidentSplit(split, "", whole.labels[index], whole.fetch(index))

    return replace(data, train=part("train"), validation=part("validation"))


@cache
def course(asked: Asked) -> tuple[nn.Module, Course]:
    """A network and an epoch of it as a stage of a study trains it; validation looks at two images."""
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(True)  # as tasks are by default
    data = images(asked)
    small = ResidentSplit("validation", "", data.validation.labels[:2], data.validation.fetch(torch.arange(2)))
    data = replace(data, mean=data.mean[: data.shape[0]], std=data.std[: data.shape[0]], validation=small)
    recipe = Recipe(schedule="constant:0.01 total:1", batch_size=BATCH, augment=(f"pad-crop:{PAD}", "flip"))
    task = Task(
        data=DataSpec(name=data.name.split(" ")[0]),
        network=NetworkSpec(name=asked.network),
        pretrain=recipe,
        precision="bf16" if asked.device == "cuda" else "fp32",
    )
    execution = Execution(asked.device, asked.threads, step=asked.step)
    workshop = Site(Path(tempfile.mkdtemp()), execution=execution).open(lambda _: data)
    model = Model(dense_network(workshop, task), DensePlan())
    return model.network, course_of(workshop, task, model, recipe, schedules.parse(recipe.schedule), seed=0)


def epoch(asked: Asked) -> Time:
    """An epoch of the package's loop."""
    network, made = course(asked)
    return timed(lambda: fit(network, made))


def compiled(asked: Asked) -> Time:
    """An epoch of the package's loop with compiled steps: the second, since the first compiles."""
    network, made = course(replace(asked, step="compile"))
    recipe = made.recipe.model_copy(update={"schedule": "constant:0.01 total:2"})
    ends: list[Time] = []
    made = replace(made, recipe=recipe, schedule=schedules.parse(recipe.schedule))
    fit(network, made, on_epoch=lambda _: ends.append(now()))
    return ends[1] - ends[0]


def validated(asked: Asked) -> Time:
    """An epoch that is followed by validation."""
    network, made = course(asked)
    whole = replace(made, validation=replace(made.validation, split=images(asked).validation))
    return timed(lambda: fit(network, whole))


def resident(asked: Asked) -> Time:
    """The same steps of the same optimizer on one batch that is there: no loop does with less."""
    network, made = course(asked)
    optimizer = make_optimizer(network, made.recipe.optimizer)
    batch, targets = next(iter(made.train.epoch(0)))
    network.train()

    def steps() -> None:
        for _ in range(made.steps):
            optimizer.zero_grad()
            F.cross_entropy(network(batch), targets).backward()
            optimizer.step()

    return timed(steps)


class Images(Dataset[tuple[Tensor, int]]):
    """Images one by one, as data sets are usually written."""

    def __init__(self, data: Data) -> None:
        self.images, self.labels = data.train.fetch(torch.arange(len(data.train))), data.train.labels.tolist()
        self.mean, self.std = (torch.tensor(v[: data.shape[0]]).view(-1, 1, 1) for v in (data.mean, data.std))

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = self.images[index]
        height, width = image.shape[1:]
        top, left = torch.randint(2 * PAD + 1, (2,)).tolist()
        image = F.pad(image, (PAD,) * 4)[:, top : top + height, left : left + width]
        if torch.rand(()) < 0.5:
            image = image.flip(2)
        return (image.float() / 255 - self.mean) / self.std, self.labels[index]


@cache
def usual(asked: Asked) -> tuple[nn.Module, Images]:
    """What the usual loop trains."""
    torch.set_num_threads(asked.threads)
    data = images(asked)
    return registry.load("network", asked.network)(data.classes, data.shape[0]), Images(data)


def plain(asked: Asked) -> Time:
    """An epoch of a loop as it is usually written: two workers, images one by one, fp32."""
    network, dataset = usual(asked)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)

    def steps() -> None:
        total = 0.0
        network.train()
        # forked, as workers are on Linux; this process was spawned, and theirs would be too, which takes seconds
        for batch, targets in DataLoader(dataset, BATCH, shuffle=True, num_workers=2, multiprocessing_context="fork"):
            optimizer.zero_grad()
            loss = F.cross_entropy(network(batch), targets)
            loss.backward()
            optimizer.step()
            total += loss.item()

    return timed(steps)


def peak(_: Asked) -> dict[str, float]:
    """Most memory so far of this process, and of the largest of its workers, in MiB."""
    own, workers = (
        resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {"process": own, "worker": workers}
