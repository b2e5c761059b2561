"""Size and multiply-adds against accuracy, of original and pruned networks (Blalock et al. 2020, figure 1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl

from fairprune.corpus.stats import counted
from fairprune.corpus.tables import Corpus
from fairprune.report.figures import axes
from fairprune.report.figures.values import GREY, Figure, Panel, Point, Series
from fairprune.report.literature.normalised import Dense, Metric, Size, Start, accuracy, dense, size, starts
from fairprune.report.literature.papers import Library, library

DATASET = "imagenet"
FAMILIES = {
    "VGG": re.compile(r"vgg-\d+"),
    "ResNet": re.compile(r"resnet-\d+"),
    "MobileNet-v2": re.compile(r"mobilenet-v2"),
    "EfficientNet": re.compile(r"efficientnet-b\d"),
}
_SIZES: tuple[tuple[Size, str], ...] = (("params", "parameters, millions"), ("macs", "multiply-adds, billions"))
_METRICS: tuple[tuple[Metric, str], ...] = (("top1", "top-1 accuracy, %"), ("top5", "top-5 accuracy, %"))


def tradeoffs(corpus: Corpus, counting: Corpus) -> Figure:
    """Families of networks as lines, pruned ones as hollow marks of the same colour."""
    rows = counted(counting).filter(pl.col("kind") == "prune", pl.col("dataset") == DATASET)
    begun, papers = starts(rows, corpus), library(corpus)
    originals = {name: dense(corpus, DATASET, pattern) for name, pattern in FAMILIES.items()}
    drawn = {(m, of): _series(rows, begun, originals, papers, m, of) for m, _ in _METRICS for of, _ in _SIZES}
    y = {m: axes.linear(title, [p.y for of, _ in _SIZES for p in _points(drawn[m, of])]) for m, title in _METRICS}
    x = {of: axes.log(title, [p.x for m, _ in _METRICS for p in _points(drawn[m, of])]) for of, title in _SIZES}
    panels = [Panel("", x[of], y[m], series) for (m, of), series in drawn.items()]
    return Figure(
        key="tradeoffs",
        title="Size and speed against accuracy on ImageNet",
        caption=_caption(begun, panels, papers),
        panels=tuple(panels),
        columns=2,
        least=26,
        aspect=0.66,
    )


def _series(
    rows: pl.DataFrame,
    begun: Mapping[str, Start],
    originals: Mapping[str, list[Dense]],
    papers: Library,
    metric: Metric,
    of: Size,
) -> tuple[Series, ...]:
    pruned, lines = [], []
    for index, (name, pattern) in enumerate(FAMILIES.items()):
        known = tuple(_original(network, papers, metric, of) for network in originals[name])
        found = [row for row in rows.iter_rows(named=True) if pattern.fullmatch(row["network"])]
        hollow = [
            Point(x, y, f"pruned, {papers.short[row['paper']]}\n{papers.about(row)}", link=papers.link(row["paper"]))
            for row in found
            if (x := size(row, begun[row["network"]], of)) and (y := accuracy(row, begun[row["network"]], metric))
        ]
        lines.append(Series(name, tuple(p for p in known if p), index, index))
        if hollow:
            pruned.append(Series(name, tuple(hollow), index, index, kind="dots", open=True, size=0.75))
    return (*lines, *pruned, Series("pruned", (), GREY, kind="dots", open=True))  # the last stands in the legend alone


def _points(series: Iterable[Series]) -> Iterator[Point]:
    return (point for one in series for point in one.points)


def _original(network: Dense, papers: Library, metric: Metric, of: Size) -> Point | None:
    x, y = getattr(network, of), getattr(network, metric)
    name = papers.names.network.get(network.network, network.network)
    label = name.removeprefix("EfficientNet-")
    return Point(x, y, name, label=label) if x is not None and y is not None else None


def _caption(begun: Mapping[str, Start], panels: Sequence[Panel], papers: Library) -> str:
    shown = [sum(len(s.points) for s in panel.series if s.kind == "dots") for panel in panels]
    common = [
        f"{papers.names.network.get(network, network)} from {_said(start)}"
        for network, start in begun.items()
        if any(pattern.fullmatch(network) for pattern in FAMILIES.values())
    ]
    return (
        "Filled: networks as they are published, medians over the collections that list them. Hollow: pruned networks, "
        f"{min(shown)} to {max(shown)} results a panel, placed as if all had begun from one model of each network: the "
        "median initial size over papers, divided by the reported compression or speedup; the median initial accuracy, "
        "plus the reported change. Operations are multiply-adds; where a paper counts both, they are halved, and where "
        f"its unit is not known they are left out. Common starting points: {'; '.join(common) or 'none'}."
    )


def _said(start: Start) -> str:
    values = (
        (start.params, "M parameters"),
        (start.macs, "G multiply-adds"),
        (start.top1, "% top-1"),
        (start.top5, "% top-5"),
    )
    return ", ".join(f"{value:.4g} {unit}" for value, unit in values if value is not None)
