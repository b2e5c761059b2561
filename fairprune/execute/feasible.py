"""What can be refused before any compute: networks that cannot be built, loaded or traced, targets out of reach."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from functools import partial

import torch
from torch import nn

from fairprune import registry
from fairprune.data.split import Data
from fairprune.errors import FairpruneError, PruneError, SpecError
from fairprune.execute.models import dense_network
from fairprune.execute.sparsifying import hook_of
from fairprune.execute.workshop import Workshop
from fairprune.expand import Point
from fairprune.measure.cost import count
from fairprune.memo import Memo
from fairprune.networks.checkpoint import load_checkpoint
from fairprune.pruning.ahead import check_ahead
from fairprune.pruning.allocation import Allocation, uniform
from fairprune.pruning.apply import space_of
from fairprune.pruning.bind import bind
from fairprune.pruning.calibration import CALIBRATED
from fairprune.pruning.choosing import choose_for, target_unknown
from fairprune.pruning.deciding import Asked, Procedure
from fairprune.pruning.plan import DensePlan
from fairprune.pruning.space import Space
from fairprune.pruning.target import check_reachable, reach
from fairprune.record import Size
from fairprune.spec import Checkpoint, Method, Recipe, Target, Task


def check_feasible(points: Iterable[Point], workshop: Workshop) -> None:
    """Raise the first reason why a run cannot work, naming its task, method and target. Trains and scores nothing."""
    spaces = _Spaces(workshop)
    memo = Memo()
    for point in points:
        spec = point.spec
        try:
            training = (spec.task, spec.retraining.recipe)
            memo.once("training", training, partial(_check_training, workshop, *training))
            if spec.method and spec.target:
                pruning = (spec.task, spec.method, spec.target)
                memo.once("pruning", pruning, partial(_check, spaces, *pruning))
        except FairpruneError as error:
            where = f"task {point.labels['task']}, method {point.labels['method']}"
            raise type(error)(f"{where}: {error}") from None


def _check_training(workshop: Workshop, task: Task, retraining: Recipe) -> None:
    """Raise for an objective that is not there, or images that cannot be augmented as the recipes say."""
    workshop.objective(task)
    for recipe in (task.pretrain, retraining):
        if recipe:
            next(iter(workshop.loader(task, "train", recipe).epoch(0)))


class _Spaces:
    """The dense networks of a study and what can be pruned of them, each traced once."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self._found: dict[str, tuple[nn.Module, Size, Space]] = {}

    def of(self, task: Task, method: Method) -> tuple[nn.Module, Size, Space]:
        name = "|".join([task.model_dump_json(), method.granularity, *method.spare])
        if name not in self._found:
            network = dense_network(self.workshop, task)
            if task.checkpoint:
                _check_unseen(task.checkpoint, self.workshop.data(task.data))
                load_checkpoint(network, self.workshop.checkpoint(task.checkpoint.digest))
            example = self.workshop.data(task.data).example()
            space = space_of(network, DensePlan(), example, method.granularity, method.spare)
            self._found[name] = network, count(network, example).size, space
        return self._found[name]


def _check_unseen(checkpoint: Checkpoint, data: Data) -> None:
    if checkpoint.seen == "train" and data.carved:
        raise SpecError(
            f"checkpoint {checkpoint.name} has seen the training images, and the test split of {data.name} is drawn "
            'from them: use a data set with a test set of its own, or say seen = "none" if that is true'
        )


def _check(spaces: _Spaces, task: Task, method: Method, target: Target) -> None:
    network, dense, space = spaces.of(task, method)
    if not space.groups:
        raise PruneError(f"nothing can be pruned at granularity {method.granularity}: every unit is spared or locked")
    how = _procedure(spaces.workshop, method)
    samples = _calibration_samples(how, method, spaces.workshop.data(task.data))
    allocate: Allocation = uniform  # stands for the amounts of another method, which are not known yet
    if method.allocation != "like":
        function = registry.load("allocation", method.allocation, spaces.workshop.folder)
        allocate = bind(method.allocation, function, space, ratios=method.ratios)
        if method.allocation == "given":  # its amounts need no scores
            reach(space, {group.name: torch.zeros(group.size) for group in space.groups}, allocate, target, dense)
    check_reachable(space, target, dense)
    units = sum(group.size for group in space.groups)
    check_ahead(network, Asked(space, method.allocation, allocate, target, dense, units), how, samples)
    if method.training:
        choose = choose_for(space, allocate, target, dense, method.reduce) if method.training.bound else target_unknown
        loader = spaces.workshop.loader(task, "train", Recipe.model_validate(method.training.recipe))
        hook_of(spaces.workshop, method.training, copy.deepcopy(network), space, choose, loader, seed=0).finish()


def _procedure(workshop: Workshop, method: Method) -> Procedure:
    criterion = registry.load("criterion", method.criterion, workshop.folder) if method.criterion else None
    repair = registry.load("repair", method.repair, workshop.folder) if method.repair not in ("", "none") else None
    return Procedure(criterion, method.options, method.steps, repair, method.repair_options)


def _calibration_samples(how: Procedure, method: Method, data: Data) -> int:
    """How many samples are looked at, if any. Raises SpecError for more than there are."""
    components = [component for component in (how.criterion, how.repair) if component]
    asked, there = method.calibration.samples, len(data.train)
    for component in components:
        if asked > there and CALIBRATED.intersection(component.needs):
            raise SpecError(
                f"{component.name} is to look at {asked:,} calibration samples, and the training split of {data.name} "
                f"has {there:,}: expected at most that, as in calibration = {{samples = {there}}}"
            )
    return min(asked, there)
