"""A stage and a run's stages, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from fairprune.canonical import Json, canonical, digest_bytes
from fairprune.spec import Task

StageKind = Literal["pretrain", "sparsify", "score", "prune", "retrain", "scratch", "measure", "probe"]

VERSION = 1  # of the stages' own code: raised when a stage would compute something else from the same spec


class Shared(dict[str, Json]):
    """A spec that many stages share and nobody changes: its canonical text is made once."""

    @cached_property
    def text(self) -> str:
        """See `canonical`."""
        return canonical(self)


@dataclass(frozen=True)
class Stage:
    """One step of a run. `spec` holds everything that decides its result, besides its parents.

    `key` is the SHA-256 over kind, spec and the parents' keys, in 32 hexadecimal digits.
    """

    kind: StageKind
    spec: Mapping[str, Json]
    parents: tuple[Stage, ...] = ()
    key: str = field(init=False)

    def __post_init__(self) -> None:
        parents = ",".join([f'"{parent.key}"' for parent in self.parents])
        spec = self.spec.text if isinstance(self.spec, Shared) else canonical(self.spec)
        text = f'{{"kind":"{self.kind}","parents":[{parents}],"spec":{spec},"version":{VERSION}}}'  # it is canonical
        object.__setattr__(self, "key", digest_bytes(text.encode())[:32])


def ordered(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """The stages and what they need, parents first, each once."""
    seen: dict[str, Stage] = {}

    def visit(stage: Stage) -> None:
        if stage.key not in seen:
            for parent in stage.parents:
                visit(parent)
            seen[stage.key] = stage

    for stage in stages:
        visit(stage)
    return tuple(seen.values())


@dataclass(frozen=True)
class Pipeline:
    """The stages of one run. `order` lists every one, parents first; `probes` measure what else was asked for."""

    order: tuple[Stage, ...]
    base: Stage
    pruned: Stage | None
    final: Stage
    base_measure: Stage
    final_measure: Stage
    probes: tuple[Stage, ...] = ()


def task_of(spec: Mapping[str, Any]) -> Task:
    """The task of a training stage's spec (its base is not part of it)."""
    fields = ("data", "network", "objective", "precision", "deterministic")
    return Task.model_validate({field: spec[field] for field in fields})
