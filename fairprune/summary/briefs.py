"""A record in brief: what summaries take from it. There are very many, so what they have in common is shared."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple

from fairprune.record import Environment, Record, Status


class Charged(NamedTuple):
    """What a stage of a run cost, from its ledger; see `LedgerEntry`."""

    key: str
    stage: str
    seconds: float
    multiply_adds: float
    executed: str
    samples: int
    epochs: float
    test_looks: int


class Kind(NamedTuple):
    """What was measured: a `Metric` without its value."""

    name: str
    split: str
    when: str
    direction: Literal["higher", "lower", "none"]
    unit: str
    n: int


@dataclass(frozen=True)
class Kinds:
    """What was measured in a run, in order."""

    every: tuple[Kind, ...]

    @cached_property
    def at(self) -> Mapping[tuple[str, str, str], int]:
        """Where the value of a metric stands, by name, split and when; the first of several."""
        return {(k.name, k.split, k.when): n for n, k in reversed(list(enumerate(self.every)))}

    @cached_property
    def text(self) -> str:
        """As JSON."""
        return json.dumps(self.every)

    @cached_property
    def besides(self) -> tuple[tuple[int, Kind], ...]:
        """What was measured besides the task's own metrics, which are those that the test split has too."""
        own = {kind.name for kind in self.every if kind.split == "test"}
        return tuple((n, kind) for n, kind in enumerate(self.every) if kind.name not in own)


@dataclass(frozen=True)
class Brief:
    """A run that left a record. `numbers` are the values of the metrics, in the order of `kinds`."""

    id: str
    seeds: tuple[int, int]  # base_seed, run_seed
    status: Status
    reason: str
    on_target: bool
    compression: float | None
    speedup: float | None
    base: str  # what tells base models apart: digest of the content, or of what trained it
    kinds: Kinds
    numbers: tuple[float, ...]
    charged: tuple[Charged, ...]
    place: str  # where it ran, in words; "" where that is unknown
    timed_on: str
    correct: str  # digest of the blob with per-example correctness

    def metric(self, name: str, split: str = "test", when: str = "final") -> float | None:
        """The value of a metric, or None where it was not measured."""
        place = self.kinds.at.get((name, split, when))
        return None if place is None else self.numbers[place]


def brief(record: Record) -> Brief:
    """The record in brief."""
    return Brief(
        id=record.id,
        seeds=(record.spec.base_seed, record.spec.run_seed),
        status=record.status,
        reason=record.reason,
        on_target=record.on_target,
        compression=record.compression,
        speedup=record.speedup,
        base=_base(record),
        kinds=kinds(tuple(Kind(m.name, m.split, m.when, m.direction, m.unit, m.n) for m in record.metrics)),
        numbers=tuple(metric.value for metric in record.metrics),
        charged=tuple(
            Charged(p.key, e.stage, e.seconds, e.multiply_adds, e.executed, e.samples, e.epochs, e.test_looks)
            for p, e in zip(record.stages, record.ledger, strict=True)
        ),
        place=_words(record.environment) if record.environment else "",
        timed_on=record.timed_on,
        correct=record.correct,
    )


WIDTH = 12  # values of a row


def to_row(run: Brief) -> list[Any]:
    """The brief's values but for what its spec says, as plain ones."""
    kept = [run.status, run.reason, run.on_target, run.compression, run.speedup, run.base]
    return [*kept, run.kinds.text, run.numbers, run.charged, run.place, run.timed_on, run.correct]


def from_row(row: Sequence[Any], id: str, seeds: tuple[int, int], shared: dict[int, Charged]) -> Brief:
    """The brief of a row. `shared` keeps stages that several runs have, by identity of what they are made from."""
    status, reason, on_target, compression, speedup, base, every, numbers, charged, place, timed_on, correct = row
    stages = []
    for values in charged:
        if id_of(values) not in shared:
            shared[id_of(values)] = Charged(*values)
        stages.append(shared[id_of(values)])
    head = (id, seeds, status, reason, on_target, compression, speedup, base)
    return Brief(*head, _parsed(every), tuple(numbers), tuple(stages), place, timed_on, correct)


id_of = id  # rows have an id of another kind


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Kinds:
    return kinds(tuple(Kind(*values) for values in json.loads(text)))


@lru_cache(maxsize=4096)
def kinds(every: tuple[Kind, ...]) -> Kinds:
    """One value for all runs that measured the same."""
    return Kinds(every)


def _base(record: Record) -> str:
    """The digest of the first pretraining stage, else the seed that trained it.

    A method that trains a base of its own does so in a stage of its own.
    """
    own = record.spec.method is not None and record.spec.method.own_base
    digests = [parent.digest for parent in record.stages if parent.stage == ("sparsify" if own else "pretrain")]
    return digests[0] if digests else f"seed {record.spec.base_seed}"


@lru_cache(maxsize=1024)
def _words(e: Environment) -> str:
    device = e.device if e.device != "cpu" else f"CPU, {e.processor}"
    mode = "deterministic" if e.deterministic else "not deterministic"
    git = f", git {e.git}" if e.git else ""
    threads = f"{e.threads} thread{'s' if e.threads != 1 else ''}"
    system = e.platform.split("-")[0]  # records have the rest
    return f"{device}; {threads}; {system}; Python {e.python}, torch {e.torch}, fairprune {e.fairprune}{git}; {mode}"
