"""How far apart papers begin: base accuracy, size and operations that they report of one network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median

import polars as pl

from fairprune.corpus.stats import counted
from fairprune.corpus.tables import Corpus
from fairprune.report import words
from fairprune.report.figures import axes
from fairprune.report.figures.values import Axis, Figure, Panel, Point, Reference, Series
from fairprune.report.literature.papers import Library, library

_BUCKETS = 40  # of an axis; points of one bucket hide each other
_PILE = (0.0, -0.24, 0.24)  # of a row
_PAPERS = 3  # that report a value, for a combination to be shown
_COLUMNS = (
    ("base_top1", "Base accuracy", "top-1, points from the median", "%"),
    ("base_params_m", "Parameters", "over the median", "M"),
    ("base_flops_g", "Operations, as counted", "over the median", "G"),
)


def spread(corpus: Corpus, counting: Corpus) -> Figure:
    """A dot for each value that a paper gives, against the median of its combination."""
    rows, papers = counted(counting), library(corpus)
    values = {column: _values(rows, column) for column, *_ in _COLUMNS}
    listed = sorted({place for found in values.values() for place in found}, key=_by_use(rows))
    y = axes.names("", [place.replace("/", " / ") for place in listed])
    panels = [_panel(title, what, unit, values[column], listed, y, papers) for column, title, what, unit in _COLUMNS]
    return Figure(
        key="spread",
        title="What papers report of the same unpruned network",
        caption="Values of unpruned networks, on combinations of network and data set of which at least "
        f"{words.plural(_PAPERS, 'paper')} report a value; a dot is a value of a paper. Operations are multiply-adds "
        "for some and twice as many for others, which alone is a factor of two.",
        panels=tuple(panels),
        columns=3,
        least=20,
        names="none",
    )


def _by_use(rows: pl.DataFrame) -> Callable[[str], tuple[int, str]]:
    used = dict(rows.group_by("place").agg(pl.col("paper").n_unique()).iter_rows())
    return lambda place: (-used[place], place)


def _values(rows: pl.DataFrame, column: str) -> Mapping[str, list[tuple[str, float]]]:
    """(paper, value) by place, every value of a paper once."""
    found: dict[str, list[tuple[str, float]]] = {}
    known = rows.filter(pl.col(column).is_not_null()).select("place", "paper", column).unique().sort("place", column)
    for place, paper, value in known.iter_rows():
        found.setdefault(place, []).append((paper, value))
    return {place: each for place, each in found.items() if len({paper for paper, _ in each}) >= _PAPERS}


def _panel(
    title: str,
    what: str,
    unit: str,
    values: Mapping[str, list[tuple[str, float]]],
    listed: Sequence[str],
    y: Axis,
    papers: Library,
) -> Panel:
    points = []
    for at, place in enumerate(listed):
        middle = median([value for _, value in values.get(place, [])] or [1.0])
        for paper, value in values.get(place, []):
            off = value - middle if unit == "%" else value / middle
            text = f"{place.replace('/', ' / ')}: {value:g} {unit}; the median is {middle:g}"
            points.append(Point(off, at, f"{papers.short[paper]}\n{text}", link=papers.link(paper)))
    widths = [point.x for point in points]
    x = axes.linear(what, widths) if unit == "%" else axes.log(what, [*widths, 0.5, 2.0])
    dots = Series(title, tuple(_piled(points, x)), kind="dots", size=0.8)
    return Panel(title, x, y, (dots,), (Reference("", 0.0 if unit == "%" else 1.0, "the median", up=True),))


def _piled(points: Sequence[Point], x: Axis) -> Iterator[Point]:
    """Points of one row that would hide each other, beside each other in height."""
    near: Counter[tuple[float, int]] = Counter()
    for point in points:
        bucket = (point.y, round(x.place(point.x) * _BUCKETS))
        step = near[bucket]
        near[bucket] += 1
        yield replace(point, y=point.y + _PILE[step % len(_PILE)])
