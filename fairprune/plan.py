"""What is to do, what is done, what it will cost: before anything starts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

from fairprune import schedules
from fairprune.execute.feasible import check_feasible
from fairprune.execute.models import dense_network
from fairprune.execute.workshop import Workshop
from fairprune.expand import Point
from fairprune.launch.session import Policy, Session, chosen, counts
from fairprune.memo import Memo, uncollected
from fairprune.spec import Recipe, Task
from fairprune.stages import Stage, StageKind, shared_part, task_of
from fairprune.store import Store, open_store
from fairprune.train import Course, fit

STEPS_TIMED = 5


@dataclass(frozen=True)
class StageTally:
    """Stages of one kind: how many runs ask for, how many distinct ones there are, how many the store has."""

    kind: str
    asked: int
    distinct: int
    done: int
    steps: int  # optimizer steps still to do


@dataclass(frozen=True)
class Plan:
    """A study's work, and an estimate of its cost (of what trains; everything else is small beside it)."""

    study: str
    runs: int
    chosen: int
    statuses: dict[str, int]
    stages: tuple[StageTally, ...]
    seconds: float | None  # of wall time with this many workers; None where nothing is to be trained
    jobs: int

    @property
    def steps(self) -> int:
        """Optimizer steps still to do."""
        return sum(tally.steps for tally in self.stages)

    def to_json(self) -> dict[str, Any]:
        """The plan as plain values."""
        return {
            "study": self.study,
            "runs": self.runs,
            "chosen": self.chosen,
            "statuses": self.statuses,
            "stages": [vars(tally) for tally in self.stages],
            "optimizer_steps": self.steps,
            "estimated_seconds": self.seconds,
            "jobs": self.jobs,
        }


def make_plan(session: Session, policy: Policy, jobs: int) -> Plan:
    """The plan of a study under a rerun policy. Times a few training steps of each task for the estimate."""
    with uncollected():
        return _planned(session, policy, jobs, open_store(session.site.store))


def _planned(session: Session, policy: Policy, jobs: int, store: Store) -> Plan:
    points = chosen(session.points, store, policy)
    workshop = session.open()
    check_feasible(points, workshop)
    asked = Counter(stage.kind for point in points for stage in session.stages_of(point))
    distinct = session.stages(points)
    there = set() if policy == "always" else store.stage_keys()
    done = {stage.key for stage in distinct if stage.key in there and _kept(store, stage, policy)}
    todo = [stage for stage in distinct if stage.key not in done]
    costs = _Costs(workshop)
    kinds, finished = Counter(stage.kind for stage in distinct), Counter(s.kind for s in distinct if s.key in done)
    steps: Counter[str] = Counter()
    for stage in todo:
        steps[stage.kind] += costs.steps(stage)
    tallies = tuple(
        StageTally(kind, asked[kind], kinds[kind], finished[kind], steps[kind])
        for kind in get_args(StageKind)
        if asked[kind]
    )
    seconds = sum(costs.seconds(stage) for stage in todo)
    return Plan(
        session.study.name,
        len(session.points),
        len(points),
        counts(session.points, store.statuses()),
        tallies,
        seconds / jobs if seconds else None,
        jobs,
    )


def _kept(store: Store, stage: Stage, policy: Policy) -> bool:
    """Whether a run would take the stage from the store."""
    result = store.usable(stage.key)
    return result is not None and (policy != "only-failed" or result.status == "done")


class _Costs:
    """Steps and seconds of stages that train, from the schedule and a few timed steps of the dense network."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._step_seconds: dict[str, float] = {}
        self._memo = Memo()

    def steps(self, stage: Stage) -> int:
        """Optimizer steps of a stage. Scratch-B is counted at the length of its base: it depends on the speedup."""
        return self._memo.once("steps", (shared_part(stage.spec),), lambda: self._steps(stage))

    def _steps(self, stage: Stage) -> int:
        if not _trains(stage):
            return 0
        recipe, total = _training(stage)
        return round(total * self._workshop.loader(task_of(stage.spec), "train", recipe).steps)

    def seconds(self, stage: Stage) -> float:
        """Seconds of a stage on one worker, as if its network were dense."""
        return self._memo.once("seconds", (shared_part(stage.spec),), lambda: self._seconds(stage))

    def _seconds(self, stage: Stage) -> float:
        steps = self.steps(stage)
        if not steps:
            return 0.0
        recipe, _ = _training(stage)
        task = task_of(stage.spec)
        name = task.model_dump_json() + recipe.model_dump_json(exclude={"schedule"})
        if name not in self._step_seconds:
            self._step_seconds[name] = self._time_step(task, recipe)
        return steps * self._step_seconds[name]

    def _time_step(self, task: Task, recipe: Recipe) -> float:
        workshop = self._workshop
        train = workshop.loader(task, "train", recipe)
        network = dense_network(workshop, task).to(workshop.device)
        seconds = []
        for steps in (2, 1, 1 + STEPS_TIMED):  # the first one warms up
            schedule = schedules.parse(f"constant:1e-6 total:{steps / train.steps!r}")
            validation = workshop.loader(task, "validation")
            course = Course(recipe, schedule, train, validation, workshop.objective(task), 0, task.precision)
            started = time.perf_counter()
            fit(network, course)
            seconds.append(time.perf_counter() - started)
        return max(seconds[2] - seconds[1], 1e-6) / STEPS_TIMED


def training_images(session: Session, points: Iterable[Point]) -> dict[str, float]:
    """Stage key -> images that the stages of these runs train on, 0 for those that train nothing.

    Scratch-B is counted at the length of its base.
    """

    def images(stage: Stage) -> float:
        return _training(stage)[1] * len(session.load(task_of(stage.spec).data).train) if _trains(stage) else 0.0

    memo = Memo()
    return {s.key: memo.once("images", (shared_part(s.spec),), partial(images, s)) for s in session.stages(points)}


def _trains(stage: Stage) -> bool:
    return "recipe" in stage.spec or "training" in stage.spec


def _training(stage: Stage) -> tuple[Recipe, float]:
    """The recipe of a stage that trains, and its epochs."""
    own: Any = stage.spec.get("training")
    recipe = Recipe.model_validate(own["recipe"] if own else stage.spec["recipe"])
    stop: Any = stage.spec.get("stop")
    more: Any = stage.spec.get("more_epochs", 0.0)  # scratch as Wang et al. read it
    return recipe, schedules.parse(recipe.schedule).total + more if stop is None else stop
