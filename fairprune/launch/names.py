"""What people call a stage: after the first run that needs it, with what tells it apart from the study's others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairprune.expand import Point
from fairprune.spec import Target
from fairprune.stages import Stage


def stage_names(runs: Sequence[tuple[Point, Sequence[Stage]]]) -> dict[str, str]:
    """Stage key -> its name, of runs with their stages. Tasks and retrainings are named where there are several."""
    stages: dict[str, Stage] = {}
    users: dict[str, list[Point]] = {}
    several = {label: len({p.labels[label] for p, _ in runs}) > 1 for label in ("task", "retraining")}
    for point, found in runs:
        for stage in found:
            stages[stage.key] = stage
            users.setdefault(stage.key, []).append(point)
    return {key: _called(stage, users[key], several) for key, stage in stages.items()}


def _called(stage: Stage, users: Sequence[Point], several: Mapping[str, bool]) -> str:
    first = users[0]
    task = first.labels["task"] if several["task"] else ""
    if stage.kind == "pretrain" or _of_base(stage):
        words = [_what(stage), task, f"seed {first.spec.base_seed}"]
    else:
        words = [_what(stage), task, first.labels["method"], _target(stage, users), _round(stage, first)]
        words += [_retraining(users) if several["retraining"] else "", f"seed {first.spec.run_seed}"]
    return " ".join(filter(None, words)) + (f", for {len(users)} runs" if len(users) > 1 else "")


def _what(stage: Stage) -> str:
    """The kind; of a base that stops early, where; of what is measured, of which network."""
    if stage.kind == "pretrain":
        stop: Any = stage.spec.get("stop")
        return stage.kind if stop is None else f"{stage.kind} to epoch {stop:g}"
    if stage.kind == "probe":
        along = "along retrain" if "recipe" in stage.spec else f"after {stage.parents[0].kind}"
        return f"{stage.kind} {stage.spec['metric']} {'base' if _of_base(stage) else along}"
    return f"{stage.kind} base" if _of_base(stage) else stage.kind


def _of_base(stage: Stage) -> bool:
    """Whether it measures the base alone."""
    return stage.kind in ("measure", "probe") and stage.parents[0].kind == "pretrain" and "recipe" not in stage.spec


def _target(stage: Stage, users: Sequence[Point]) -> str:
    """The stage's own, which in an iterative round is not the run's; else the runs'."""
    if stage.kind == "prune" and "target" in stage.spec:
        return str(Target.model_construct(**stage.spec["target"]))  # type: ignore[arg-type]
    shared = {id(point.spec.target): point.spec.target for point in users}.values()  # most runs share theirs
    targets = {str(target) for target in shared if target}
    return f"({len(targets)} targets)" if len(targets) > 1 else "".join(targets)


def _round(stage: Stage, first: Point) -> str:
    number, method = stage.spec.get("round"), first.spec.method
    return f"round {number}" if number and method and method.rounds > 1 else ""


def _retraining(users: Sequence[Point]) -> str:
    """The retraining that the stage is of; what comes before retraining is every one's."""
    names = {point.labels["retraining"] for point in users}
    return names.pop() if len(names) == 1 else ""
