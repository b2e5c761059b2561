"""All self-reported results on the most common combinations (Blalock et al. 2020, figure 3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from fairprune.corpus.stats import counted
from fairprune.corpus.tables import Corpus
from fairprune.report import words
from fairprune.report.figures import axes
from fairprune.report.figures.values import GREY, Figure, Panel, Point, Series
from fairprune.report.literature.normalised import Metric, change
from fairprune.report.literature.papers import Library, library

_PLACES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("VGG-16, ImageNet", ("vgg-16",), "imagenet"),
    ("AlexNet, ImageNet", ("alexnet", "caffenet"), "imagenet"),
    ("ResNet-50, ImageNet", ("resnet-50",), "imagenet"),
    ("ResNet-56, CIFAR-10", ("resnet-56",), "cifar-10"),
)
_RATES = ("compression", "speedup")
_METRICS: tuple[tuple[Metric, str], ...] = (("top1", "change of top-1, points"), ("top5", "change of top-5, points"))
_COLOURED = 7  # papers that are named: those with results in most panels
_FLOOR = -6.0  # points; what lies lower is drawn there, hollow, so that the others can be told apart

_Curve = tuple[str, ...]  # a paper, and which of its curves


@dataclass(frozen=True)
class _Plot:
    """A panel to be: a combination, a rate, an accuracy, and the curves there."""

    place: str
    rate: str
    y: str
    curves: Mapping[_Curve, Sequence[Point]]


def fragmentation(corpus: Corpus, counting: Corpus) -> Figure:
    """A column for each combination, a row for each pair of an accuracy and a rate, a colour for each paper."""
    rows = counted(counting).filter(pl.col("kind") == "prune")
    papers = library(corpus)
    plots = [
        _Plot(place, rate, title, _curves(rows, networks, dataset, papers, metric, rate))
        for metric, title in _METRICS
        for rate in _RATES
        for place, networks, dataset in _PLACES
    ]
    return Figure(
        key="fragmentation",
        title="Self-reported results on four common combinations",
        caption=_caption(plots, rows),
        panels=tuple(_panels(plots, _styles(plots, papers))),
        columns=4,
        least=13.5,
        aspect=0.8,
    )


def _curves(
    rows: pl.DataFrame, networks: Sequence[str], dataset: str, papers: Library, metric: Metric, rate: str
) -> Mapping[_Curve, list[Point]]:
    """Each curve's points from the lightest pruning to the heaviest. A method's variants are curves of their own."""
    here = rows.filter(pl.col("network").is_in(networks), pl.col("dataset") == dataset, pl.col(rate).is_not_null())
    found: dict[_Curve, list[Point]] = {}
    for row in here.sort(rate, "key").iter_rows(named=True):
        y = change(row, metric)
        if y is not None:
            curve = tuple(str(row[column]) for column in ("paper", "network", "method", "variant"))
            found.setdefault(curve, []).append(_point(row, y, metric, rate, papers))
    return found


def _point(row: Mapping[str, Any], y: float, metric: Metric, rate: str, papers: Library) -> Point:
    std = row["top1_std"] if metric == "top1" else None
    low, high = (None, None) if std is None else (y - std, y + std)
    return Point(row[rate], y, papers.about(row), low, high, papers.link(row["paper"]), open=y < _FLOOR)


def _styles(plots: Sequence[_Plot], papers: Library) -> dict[str, Series]:
    """The papers of most panels get colours and a place in the legend; the others share one, in the background."""
    panels = Counter(paper for plot in plots for paper in {paper for paper, *_ in plot.curves})
    order = sorted(panels, key=lambda paper: (-panels[paper], papers.short[paper]))
    named = {p: Series(papers.short[p], (), i, i, size=0.7) for i, p in enumerate(order[:_COLOURED])}
    others = {p: Series(papers.short[p], (), GREY, 0, named=False, size=0.5) for p in order[_COLOURED:]}
    return {**others, **named}  # in the order in which they are drawn


def _panels(plots: Sequence[_Plot], styles: Mapping[str, Series]) -> list[Panel]:
    drawn = list(styles)
    named = [style for style in styles.values() if style.named]
    rest = len(drawn) - len(named)
    legend = (*named, *([Series(words.plural(rest, "other paper"), (), GREY, 0, size=0.5)] if rest else []))
    made = []
    for plot in plots:
        mates = [other for other in plots if (other.rate, other.y) == (plot.rate, plot.y)]
        row = [point for other in mates for curve in other.curves.values() for point in curve]
        order = sorted(plot.curves, key=lambda curve: drawn.index(curve[0]))
        series = tuple(replace(styles[curve[0]], points=tuple(plot.curves[curve])) for curve in order)
        x = axes.factor(plot.rate, [p.x for p in row])
        y = axes.linear(plot.y, [max(p.y, _FLOOR) for p in row])
        made.append(Panel(plot.place, x, y, (*legend, *series)))
    return made


def _caption(plots: Sequence[_Plot], rows: pl.DataFrame) -> str:
    shown = {paper for plot in plots for paper, *_ in plot.curves}
    lower = sum(point.open for plot in plots for curve in plot.curves.values() for point in curve)
    std = rows.filter(pl.col("top1_std") > 0)["paper"].n_unique()
    return (
        "Results that papers report of themselves, CaffeNet among AlexNet, as change from each paper's own "
        f"base. {len(shown)} of {rows['paper'].n_unique()} papers with results of pruning have any here. Up and to the "
        "right is better. A line joins the points of one method and variant of a paper on one network. "
        f"Whiskers are standard deviations, which {words.plural(std, 'paper')} print{'s' if std == 1 else ''}. "
        f"Hollow: {words.plural(lower, 'point')} below {words.number(_FLOOR, 0)}, drawn there."
    )
