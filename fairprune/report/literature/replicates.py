"""Published single runs, with what they say together: mean and interval over replicates (Tanaka et al. 2020)."""

from __future__ import annotations

import polars as pl

from fairprune.corpus.tables import Corpus
from fairprune.report import words
from fairprune.report.figures import axes
from fairprune.report.figures.values import Figure, Panel, Point, Series
from fairprune.report.literature.papers import Library, library

ORIGIN = "tanaka-2020"
_PLACE = ("dataset", "network")


def replicates(corpus: Corpus, _counting: Corpus) -> Figure:
    """A panel for each network and data set, a line with its band for each method."""
    rows = corpus["results"].filter(pl.col("origin") == ORIGIN, pl.col("top1").is_not_null())
    rows = rows.filter(pl.col("compression") > 0, pl.col("replicate").is_not_null())
    papers = library(corpus)
    methods = rows["method"].unique().drop_nulls().sort().to_list()
    x = axes.log("compression", rows["compression"])
    panels = []
    for (dataset, network), group in _by_place(rows, papers):
        mates = rows.filter(pl.col("dataset") == dataset)["top1"]
        y = axes.linear(f"{papers.names.dataset.get(dataset, dataset)}, top-1, %", mates, floor=0, ceiling=100)
        panels.append(Panel(_kind(network, papers), x, y, _series(group, methods, papers)))
    runs = rows.group_by(*_PLACE, "method", "compression").len()["len"].to_list()
    panels = panels or [Panel("", x, axes.linear("top-1 accuracy, %", []), ())]
    return Figure(
        key="replicates",
        title="Replicates of pruning before training",
        caption=f"Mean and 95 % interval (Student's t) over {_count(runs)} runs of each setting: {rows.height:,} "
        "accuracies of Tanaka et al. 2020.",
        panels=tuple(panels),
        columns=4,
        least=14,
        aspect=0.75,
    )


def _by_place(rows: pl.DataFrame, papers: Library) -> list[tuple[tuple[str, str], pl.DataFrame]]:
    """The rows of each data set and network, networks in the same order on every data set."""
    found = [((str(place[0]), str(place[1])), group) for place, group in rows.group_by(_PLACE)]
    return sorted(found, key=lambda entry: (entry[0][0], _kind(entry[0][1], papers), entry[0][1]))


def _kind(network: str, papers: Library) -> str:
    """A network's name without what tells it from others of that name, which the data set does here."""
    return papers.names.network.get(network, network).partition(" (")[0]


def _count(runs: list[int]) -> str:
    least, most = min(runs, default=0), max(runs, default=0)
    return str(most) if least == most else f"{least} to {most}"


def _series(rows: pl.DataFrame, methods: list[str], papers: Library) -> tuple[Series, ...]:
    from fairprune.stats import describe  # slow to import, and no other figure needs it

    made, place = [], papers.place(rows.row(0, named=True))
    for index, method in enumerate(methods):
        points = []
        here = rows.filter(pl.col("method") == method).sort("compression")
        runs = here.group_by("compression", maintain_order=True).agg("top1")
        for rate, values in runs.iter_rows():
            found = describe(values)
            said = words.number(found.mean, 2)
            if found.low is not None and found.high is not None:
                said += f" [{words.number(found.low, 2)}, {words.number(found.high, 2)}]"
            text = f"{place}\n{words.times(rate)}: {said} %, n = {found.n}"
            points.append(Point(rate, found.mean, text, found.low, found.high))
        name = papers.names.method.get(method, method)
        made.append(Series(name, tuple(points), index, index, band=True, size=0.55))
    return tuple(made)
