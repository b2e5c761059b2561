"""The runner: one stage, from the store or computed, under a lease."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import torch

from fairprune.canonical import digest
from fairprune.errors import FairpruneError, StoreError, located
from fairprune.execute import measuring, partial, probing, pruning, sparsifying, training
from fairprune.execute.environment import environment
from fairprune.execute.workshop import Outcome, Workshop, root
from fairprune.leases import Leases
from fairprune.record import Parent, StageResult
from fairprune.stages import Stage, StageKind

Compute = Callable[[Workshop, Stage, tuple[StageResult, ...]], Outcome]

COMPUTE: Mapping[StageKind, Compute] = MappingProxyType(
    {
        "pretrain": training.pretrain,
        "sparsify": sparsifying.sparsify,
        "score": pruning.score,
        "prune": pruning.prune,
        "retrain": training.retrain,
        "scratch": training.scratch,
        "measure": measuring.measure,
        "probe": probing.probe,
    }
)

Progress = Literal["done", "failed", "blocked", "busy"]


@dataclass
class Runner:
    """Computes stages, one worker among possibly many.

    `results` are the stages known to be in the store, `failures` the reasons of those that cannot be had: because
    they failed or diverged here, or because a parent did.
    """

    workshop: Workshop
    leases: Leases
    on_start: Callable[[Stage], None] = lambda _: None
    results: dict[str, StageResult] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def advance(self, stage: Stage) -> Progress:
        """Bring one stage forward: done (now or before), failed, blocked by a parent, or busy in another worker."""
        if stage.key in self.failures:
            return "failed"
        if self._stored(stage):
            return "failed" if stage.key in self.failures else "done"
        broken = next((parent.key for parent in stage.parents if parent.key in self.failures), None)
        if broken:
            self.failures[stage.key] = self.failures[broken]
            return "failed"
        if not all(self._stored(parent) for parent in stage.parents):
            return "blocked"
        with self.leases.hold(stage.key) as ours:
            if not ours:
                return "busy"
            if not self._stored(stage):  # another worker may have finished it before the lease was ours
                self._attempt(stage)
        return "failed" if stage.key in self.failures else "done"

    def _stored(self, stage: Stage) -> bool:
        if stage.key in self.results:
            return True
        found = self.workshop.store.usable(stage.key)
        if found:
            self._keep(found)
        return found is not None

    def _keep(self, result: StageResult) -> None:
        self.results[result.key] = result
        if result.status == "diverged":
            self.failures[result.key] = result.reason

    def _attempt(self, stage: Stage) -> None:
        self.on_start(stage)
        try:
            self._keep(self._compute(stage))
        except StoreError:
            raise  # a full disk or a lost folder is no property of the run
        except FairpruneError as error:
            self.failures[stage.key] = f"{stage.kind}: {error}"
        except Exception as error:  # a user's component may raise anything; the run fails, the study goes on
            self.failures[stage.key] = f"{stage.kind}: {located(error)}"

    def _compute(self, stage: Stage) -> StageResult:
        parents = tuple(self.results[parent.key] for parent in stage.parents)
        deterministic = bool(root(stage).spec["deterministic"])
        started = time.perf_counter()
        with _deterministic(deterministic):
            outcome = COMPUTE[stage.kind](self.workshop, stage, parents)
        result = StageResult(
            key=stage.key,
            kind=stage.kind,
            status=outcome.status,
            reason=outcome.reason,
            parents=tuple(Parent(stage=p.kind, key=p.key, digest=p.digest) for p in parents),
            digest=_content(outcome),
            blobs=dict(outcome.blobs),
            metrics=outcome.metrics,
            info=dict(outcome.info),
            ledger=outcome.ledger.model_copy(update={"seconds": time.perf_counter() - started}),
            environment=environment(self.workshop.execution, deterministic),
            finished=now(),
        )
        self.workshop.store.put_stage(result)
        partial.Saver(self.workshop.store.partial, stage.key).drop()
        return result


def _content(outcome: Outcome) -> str:
    """The digest of what came out, without times."""
    metrics = [metric.model_dump(mode="json") for metric in outcome.metrics]
    content: dict[str, Any] = {
        "blobs": dict(outcome.blobs),
        "metrics": metrics,
        "info": dict(outcome.info),
        "status": outcome.status,
    }
    return digest(content)


def now() -> str:
    """UTC, to the second, ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


@contextmanager
def _deterministic(wanted: bool) -> Iterator[None]:
    determinism: Any = torch.utils.deterministic
    before = torch.are_deterministic_algorithms_enabled(), determinism.fill_uninitialized_memory
    torch.use_deterministic_algorithms(wanted)
    determinism.fill_uninitialized_memory = False  # costs 7 % of a step, and nothing here reads such
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        determinism.fill_uninitialized_memory = before[1]
