"""A stage and a run's stages, as values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from fairprune.canonical import Json, canonical, digest_bytes
from fairprune.spec import Task

StageKind = Literal["pretrain", "sparsify", "score", "prune", "retrain", "scratch", "measure", "probe"]

VERSION = 1  # of the stages' own code: raised when a stage would compute something else from the same spec


Seeds = tuple[int, int]  # base_seed, run_seed

BASE, RUN = "\0base", "\0run"  # stand where a run's seeds go; no name and no option is called so
_BASE, _RUN = canonical(BASE), canonical(RUN)


class Shared(dict[str, Json]):
    """A spec that many stages share and nobody changes: its canonical text is made once."""

    @cached_property
    def text(self) -> str:
        """See `canonical`."""
        return canonical(self)

    @cached_property
    def seeded(self) -> tuple[bool, bool]:
        """Whether a base_seed goes somewhere, and whether a run_seed does."""
        return _BASE in self.text, _RUN in self.text

    @cached_property
    def pieces(self) -> list[str]:
        """The text in pieces, of which some are places of seeds."""
        return re.split(f"({re.escape(_BASE)}|{re.escape(_RUN)})", self.text)

    def at(self, seeds: Seeds) -> Shared | Seeded:
        """The spec of runs with these seeds."""
        return Seeded(self, seeds) if any(self.seeded) else self


class Seeded(Mapping[str, Json]):
    """A shared spec with seeds in their places: its text, and its values only where somebody asks for them."""

    __slots__ = ("_seeds", "_values", "of")

    def __init__(self, of: Shared, seeds: Seeds) -> None:
        self.of = of  # the same for all seeds
        self._seeds = seeds
        self._values: Mapping[str, Json] | None = None

    @property
    def text(self) -> str:
        """See `canonical`."""
        seeds = {_BASE: str(self._seeds[0]), _RUN: str(self._seeds[1])}
        return "".join([seeds.get(piece, piece) for piece in self.of.pieces])

    def __getitem__(self, key: str) -> Json:
        if self._values is None:
            values: Any = _placed(self.of, self._seeds)
            self._values = values
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.of)

    def __len__(self) -> int:
        return len(self.of)


def _placed(value: Json, seeds: Seeds) -> Json:
    """A value with seeds in their places."""
    if isinstance(value, dict):
        return {key: _placed(inner, seeds) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_placed(inner, seeds) for inner in value]
    return {BASE: seeds[0], RUN: seeds[1]}.get(value, value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
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
        shared = type(self.spec) is Seeded or isinstance(self.spec, Shared)
        spec: Any = self.spec.text if shared else canonical(self.spec)  # type: ignore[attr-defined]
        text = f'{{"kind":"{self.kind}","parents":[{parents}],"spec":{spec},"version":{VERSION}}}'  # it is canonical
        object.__setattr__(self, "key", digest_bytes(text.encode())[:32])


def shared_part(spec: Mapping[str, Json]) -> Mapping[str, Json]:
    """What a stage's spec has in common with that of other seeds, as one object for them all."""
    return spec.of if type(spec) is Seeded else spec  # quicker than to ask an abstract class


@dataclass(frozen=True, eq=False)
class Node:
    """A stage of all runs that differ in their seeds alone: its spec has places for them."""

    stage: Stage
    spec: Shared
    parents: tuple[Node, ...]
    seeded: tuple[bool, bool]  # whether it, or what it comes of, depends on base_seed, and on run_seed
    made: dict[Any, Stage] = field(default_factory=dict)  # by the seeds that it depends on


def ordered(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """The nodes and what they need, parents first, each once."""
    seen: dict[str, Node] = {}

    def visit(node: Node) -> None:
        if node.stage.key not in seen:
            for parent in node.parents:
                visit(parent)
            seen[node.stage.key] = node

    for node in nodes:
        visit(node)
    return tuple(seen.values())


def placed(nodes: Iterable[Node], seeds: Seeds) -> list[Stage]:
    """The stages of some nodes, parents first, at these seeds: one object for all runs that share it."""
    base, run = seeds
    keys = {(False, False): None, (True, False): base, (False, True): run, (True, True): seeds}
    found: dict[int, Stage] = {}
    for node in nodes:
        key = keys[node.seeded]
        stage = node.made.get(key)
        if stage is None:
            parents = tuple([found[id(parent)] for parent in node.parents])
            stage = node.made[key] = Stage(node.stage.kind, node.spec.at(seeds), parents)
        found[id(node)] = stage
    return list(found.values())


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
