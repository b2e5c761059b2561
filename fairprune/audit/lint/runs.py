"""Rules about runs: is a mean a mean?"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction

from fairprune.audit.lint.finding import Case, Rule, Said
from fairprune.audit.lint.printed import Printed
from fairprune.audit.lint.table import Entry, Table, table_of

_BEST = re.compile(
    r"\b(best|highest|max|maximum)( run| seed| trial)? (of|over|among|out of)\b|\bbest (run|seed|trial|test epoch)\b",
    re.I,
)
_WORDS = ("id", "method", "group", "source")
_SEVERAL = 2


def _is_mean(entry: Entry) -> bool:
    std = entry.number("top1_std")
    return (entry.seeds or 0) >= _SEVERAL or (std is not None and std.value > 0 and entry.seeds is None)


def _of(entry: Entry) -> str:
    return f"{entry.seeds} runs" if entry.seeds else f"several runs, with a deviation of {entry.number('top1_std')}"


def _said_best(rows: Table) -> Iterator[Said]:
    """Means that a text in their row, or how their epoch was chosen, calls the best of several."""
    for entry in rows.entries:
        texts = [f"{column} says '{found[0]}'" for column in _WORDS if (found := _BEST.search(entry.text(column)))]
        texts += ["each run's epoch was chosen on the test set, the best of several"] * (entry.selected_on == "test")
        if texts and _is_mean(entry):
            yield [entry], f"top1 {entry.number('top1') or ''} stands as the mean of {_of(entry)}, but {texts[0]}"


def _best_of_listed(rows: Table) -> Iterator[Said]:
    """Means that are the best of the runs that stand beside them one by one, and not their mean."""
    same: defaultdict[tuple[str, ...], list[Entry]] = defaultdict(list)
    for entry in rows.entries:
        rates = (str(entry.number(column)) for column in ("compression", "speedup"))
        same[(*entry.network, entry.kind, entry.text("method").casefold(), *rates)].append(entry)
    for group in same.values():
        runs = [(entry, top1) for entry in group if entry.seeds == 1 and (top1 := entry.number("top1"))]
        for entry in group:
            top1 = entry.number("top1")
            if top1 and entry.seeds and len(runs) == entry.seeds >= _SEVERAL and entry.text("method"):
                yield from _judged(entry, top1, [number for _, number in runs], [run for run, _ in runs])


def _judged(entry: Entry, top1: Printed, numbers: list[Printed], runs: list[Entry]) -> Iterator[Said]:
    total = sum((number.interval for number in numbers[1:]), numbers[0].interval)
    best = max(numbers, key=lambda number: number.value)
    mean = total.scaled(Fraction(1, len(numbers)))
    if not top1.interval.meets(mean) and top1.interval.meets(best.interval):
        yield (
            [entry, *runs],
            f"top1 {top1} stands as the mean of {len(runs)} runs, but is the best of them; the mean is {mean}",
        )


def _best_as_mean(rows: Table) -> Iterator[Said]:
    yield from _said_best(rows)
    yield from _best_of_listed(rows)


def _spread_of_one(rows: Table) -> Iterator[Said]:
    for entry in rows.entries:
        std = entry.number("top1_std")
        if std and std.value > 0 and entry.seeds == 1:
            yield [entry], f"top1_std is {std}, but seeds is 1: one run has no deviation"


_SHARED = {"dataset": "CIFAR-10", "network": "ResNet-56", "base_top1": "93.53"}

RULES = (
    Rule(
        id="best-as-mean",
        severity="unfair",
        reason="The best of several runs or epochs lies above their mean, the more so the more there were.",
        check=_best_as_mean,
        violation=Case(
            "Runs of 93.41, 93.62 and 93.50, and a mean of 93.62.",
            table_of(
                {"id": "mean", "seeds": "3", "top1": "93.62"},
                *({"id": f"run-{n}", "seeds": "1", "top1": top1} for n, top1 in enumerate(("93.41", "93.62", "93.50"))),
                method="L1",
                **_SHARED,
            ),
        ),
        passing=Case(
            "Runs of 93.41, 93.62 and 93.50, and a mean of 93.51.",
            table_of(
                {"id": "mean", "seeds": "3", "top1": "93.51"},
                *({"id": f"run-{n}", "seeds": "1", "top1": top1} for n, top1 in enumerate(("93.41", "93.62", "93.50"))),
                method="L1",
                **_SHARED,
            ),
        ),
    ),
    Rule(
        id="spread-of-one-run",
        severity="caution",
        reason="A deviation needs two runs: the number of runs, or what the deviation is of, is misstated.",
        check=_spread_of_one,
        violation=Case(
            "One run, with a deviation of 0.12.",
            table_of({"method": "L1", "seeds": "1", "top1_std": "0.12"}, **_SHARED),
        ),
        passing=Case(
            "Five runs, with a deviation of 0.12.",
            table_of({"method": "L1", "seeds": "5", "top1_std": "0.12"}, **_SHARED),
        ),
    ),
)
