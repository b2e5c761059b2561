"""What a study cost: every stage once, however many runs share it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from fairprune.record import Environment, LedgerEntry, Record
from fairprune.summary.values import Charge, Cost, Place


def charges(records: Iterable[Record]) -> tuple[Charge, ...]:
    """The ledger of all records by kind of stage, in the order in which the kinds first occur."""
    entries: dict[str, LedgerEntry] = {}
    for record in records:
        for parent, entry in zip(record.stages, record.ledger, strict=True):
            entries.setdefault(parent.key, entry)
    by_kind: defaultdict[str, list[LedgerEntry]] = defaultdict(list)
    for entry in entries.values():
        by_kind[entry.stage].append(entry)
    return tuple(
        Charge(
            stage=kind,
            count=len(group),
            seconds=math.fsum(entry.seconds for entry in group),
            multiply_adds=math.fsum(entry.multiply_adds for entry in group),
            test_looks=sum(entry.test_looks for entry in group),
        )
        for kind, group in by_kind.items()
    )


def cost(records: Sequence[Record]) -> Cost | None:
    """What one of these runs cost on average; None without a record."""
    if not records:
        return None
    pruned = [entry for record in records for entry in record.ledger if entry.stage in ("score", "prune")]
    trained = [entry for record in records for entry in record.ledger if entry.stage in ("retrain", "scratch")]
    based = [entry for record in records for entry in record.ledger if entry.stage == "pretrain"]

    def mean(entries: Iterable[LedgerEntry]) -> float:
        return math.fsum(entry.multiply_adds for entry in entries) / len(records)

    return Cost(
        base=mean(based),
        pruning=mean(pruned),
        retraining=mean(trained),
        executed=tuple(sorted({entry.executed for entry in (*pruned, *trained) if entry.executed})),
        samples=max((entry.samples for entry in pruned if not entry.epochs), default=0),
    )


def places(records: Iterable[Record]) -> tuple[Place, ...]:
    """Where runs were executed, the most frequent first."""
    counted = Counter(_words(record.environment) for record in records if record.environment)
    return tuple(Place(text=text, runs=runs) for text, runs in counted.most_common())


def timed(records: Iterable[Record]) -> tuple[Place, ...]:
    """Where latency was measured, the most frequent first: latencies of one line alone compare with one another."""
    counted = Counter(record.timed_on for record in records if record.timed_on)
    return tuple(Place(text=text, runs=runs) for text, runs in counted.most_common())


def _words(e: Environment) -> str:
    device = e.device if e.device != "cpu" else f"CPU, {e.processor}"
    mode = "deterministic" if e.deterministic else "not deterministic"
    git = f", git {e.git}" if e.git else ""
    threads = f"{e.threads} thread{'s' if e.threads != 1 else ''}"
    system = e.platform.split("-")[0]  # records have the rest
    return f"{device}; {threads}; {system}; Python {e.python}, torch {e.torch}, fairprune {e.fairprune}{git}; {mode}"
