"""How papers retrain: epochs and learning rates, recipe by recipe."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from fairprune.corpus.tables import Corpus
from fairprune.report import words
from fairprune.report.figures import axes
from fairprune.report.figures.values import Axis, Figure, Panel, Point, Series
from fairprune.report.literature.papers import Library, library
from fairprune.schedules import parse

_RATES = ((1e-2, 6), (1e-3, 0), (1e-4, 5), (0.0, 7))  # from this rate on, and the colour of that
_EXACT = 1 + 1e-9  # against rounding


@dataclass(frozen=True)
class _Stage:
    """Epochs of one recipe at one rate; None where that is not said."""

    start: float
    end: float
    rate: float | None


def recipes(corpus: Corpus, _counting: Corpus) -> Figure:
    """A panel for each data set, a row for each recipe that says how long it is, its stages coloured by their rates."""
    papers, table = library(corpus), corpus["recipes"]
    told = table.filter(pl.col("epochs") > 0).sort("dataset", "epochs", "first_rate", "key", nulls_last=True)
    rows = told.to_dicts()
    x = axes.counts("epochs of retraining", [row["epochs"] for row in rows])
    datasets = list(dict.fromkeys(row["dataset"] for row in rows)) or [None]
    return Figure(
        key="recipes",
        title="Recipes of retraining",
        caption=f"Epochs and learning rates, as papers report them. {_epochs(rows)}"
        f"Of {words.plural(table.height, 'recipe')}, {table.height - len(rows)} do not say how long they are.",
        panels=tuple(_panel([row for row in rows if row["dataset"] == d], d, x, papers) for d in datasets),
        least=28,
    )


def _panel(rows: Sequence[Mapping[str, Any]], dataset: str | None, x: Axis, papers: Library) -> Panel:
    stages = [(at, stage) for at, row in enumerate(rows) for stage in _stages(row)]
    called = _names(rows, papers)
    series, above = [], math.inf
    for least, colour in _RATES:
        bars = [_bar(rows[at], at, s, papers) for at, s in stages if least <= (s.rate or 0) * _EXACT < above]
        name = f"rate from {least:g}" if least else "lower, or not said"
        series.append(Series(name, tuple(bars), colour, kind="rows"))
        above = least
    return Panel(papers.names.dataset.get(dataset or "", dataset or ""), x, axes.names("", called), tuple(series))


def _stages(row: Mapping[str, Any]) -> list[_Stage]:
    """The whole with its first rate where the schedule is not one of steps."""
    steps = parse(row["schedule"]).stages() if row["schedule"] else []
    if not steps:
        return [_Stage(0.0, row["epochs"], row["first_rate"])]
    ends = [start for start, _ in steps[1:]] + [row["epochs"]]
    return [_Stage(start, end, rate) for (start, rate), end in zip(steps, ends, strict=True)]


def _names(rows: Sequence[Mapping[str, Any]], papers: Library) -> list[str]:
    """Methods, and who retrains them so where that is not one alone."""
    methods = [papers.names.method.get(row["method"], row["method"]) for row in rows]
    often = Counter(methods)
    return [
        f"{method} ({papers.short[row['paper']]})" if often[method] > 1 else method
        for method, row in zip(methods, rows, strict=True)
    ]


def _bar(row: Mapping[str, Any], at: int, stage: _Stage, papers: Library) -> Point:
    method = papers.names.method.get(row["method"], row["method"])
    lines = [
        ", ".join(filter(None, (method, papers.place(row) if row["network"] else ""))),
        f"epochs {stage.start:g} to {stage.end:g}" + (f" at {stage.rate:g}" if stage.rate else ""),
        f"schedule {row['schedule']}" if row["schedule"] else "",
        row["remark"],
        f"{papers.short[row['paper']]}, {row['source']}",
    ]
    text = "\n".join(line for line in lines if line)
    label = f"{stage.end:g}" if stage.end == row["epochs"] else ""
    return Point(stage.end, at, text, stage.start, stage.end, link=papers.link(row["paper"]), label=label)


def _epochs(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    lengths, rates = [row["epochs"] for row in rows], [row["first_rate"] for row in rows if row["first_rate"]]
    begun = f", and begin with rates from {min(rates):g} to {max(rates):g}" if rates else ""
    return f"They take from {min(lengths):g} to {max(lengths):g} epochs{begun}. "
