"""A worker: walks the stages of a study and computes every one that is ready and that nobody else has leased."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from fairprune.execute.runner import Runner
from fairprune.execute.workshop import Workshop
from fairprune.leases import Leases
from fairprune.stages import Stage
from fairprune.train import Curve

IDLE_SECONDS = 0.2  # between looks at what other workers have finished


@dataclass(frozen=True)
class Event:
    """What a worker tells: a stage started, got on by an epoch, is done, or failed."""

    kind: Literal["start", "epoch", "done", "failed"]
    key: str
    stage: str
    epoch: float = 0.0
    epochs: float = 0.0
    note: str = ""


def work(
    workshop: Workshop,
    stages: Sequence[Stage],
    tell: Callable[[Event], None],
) -> Runner:
    """Compute all stages that are not in the store, in order of readiness; returns the runner with all results.

    Stages that another worker has leased are left to it and looked at again; failed ones are told, and what needs
    them fails with the same reason.
    """

    def on_epoch(stage: Stage, epochs: float, curve: Curve) -> None:
        tell(Event("epoch", stage.key, stage.kind, curve[-1]["epoch"], epochs))

    runner = Runner(
        replace(workshop, on_epoch=on_epoch),
        Leases(workshop.store.objects),
        on_start=lambda stage: tell(Event("start", stage.key, stage.kind)),
    )
    pending = list(stages)
    while pending:
        pending, moved = _sweep(runner, pending, tell)
        if pending and not moved:
            time.sleep(IDLE_SECONDS)
    return runner


def _sweep(runner: Runner, pending: list[Stage], tell: Callable[[Event], None]) -> tuple[list[Stage], bool]:
    """Advance each stage once: what is still pending, and whether anything moved."""
    left = []
    for stage in pending:
        progress = runner.advance(stage)
        if progress == "done":
            tell(Event("done", stage.key, stage.kind))
        elif progress == "failed":
            tell(Event("failed", stage.key, stage.kind, note=runner.failures[stage.key]))
        else:
            left.append(stage)
    return left, len(left) < len(pending)
