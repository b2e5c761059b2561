"""What a study cost: every stage once, however many runs share it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from fairprune.summary.briefs import Brief, Charged
from fairprune.summary.values import Charge, Cost, Place


def charges(runs: Iterable[Brief]) -> tuple[Charge, ...]:
    """The ledger of all runs by kind of stage, in the order in which the kinds first occur."""
    entries: dict[str, Charged] = {}
    for run in runs:
        for entry in run.charged:
            entries.setdefault(entry.key, entry)
    by_kind: defaultdict[str, list[Charged]] = defaultdict(list)
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


def cost(runs: Sequence[Brief]) -> Cost | None:
    """What one of these runs cost on average; None without a run."""
    if not runs:
        return None
    entries = [entry for run in runs for entry in run.charged]
    pruned = [entry for entry in entries if entry.stage in ("score", "prune")]
    trained = [entry for entry in entries if entry.stage in ("retrain", "scratch")]
    based = [entry for entry in entries if entry.stage == "pretrain"]

    def mean(entries: Iterable[Charged]) -> float:
        return math.fsum(entry.multiply_adds for entry in entries) / len(runs)

    return Cost(
        base=mean(based),
        pruning=mean(pruned),
        retraining=mean(trained),
        executed=tuple(sorted({entry.executed for entry in (*pruned, *trained) if entry.executed})),
        samples=max((entry.samples for entry in pruned if not entry.epochs), default=0),
    )


def places(runs: Iterable[Brief]) -> tuple[Place, ...]:
    """Where runs were executed, the most frequent first."""
    counted = Counter(run.place for run in runs if run.place)
    return tuple(Place(text=text, runs=runs) for text, runs in counted.most_common())


def timed(runs: Iterable[Brief]) -> tuple[Place, ...]:
    """Where latency was measured, the most frequent first: latencies of one line alone compare with one another."""
    counted = Counter(run.timed_on for run in runs if run.timed_on)
    return tuple(Place(text=text, runs=runs) for text, runs in counted.most_common())
