"""Results at one target: a row for each method, the best on top, with the interval lying down."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from fairprune.report import words
from fairprune.report.figures import axes
from fairprune.report.figures.values import GREY, Panel, Point, Reference, Series
from fairprune.report.rates import Rate
from fairprune.summary import Cell


def lined_up(plot: Panel, title: str, names: Mapping[str, str], *, lower: bool = False) -> Panel:
    """A panel whose series have one point each, turned: values across, a row for each series by its name in `names`.

    Of two rows the upper is the better: the higher value, or the lower one. References, which go up, have the first
    rows, since there is no room for their names beside them.
    """
    dense = sorted(plot.references, key=lambda reference: reference.at, reverse=not lower)
    shown = sorted((s for s in plot.series if s.drawn), key=lambda series: series.drawn[0].y, reverse=not lower)
    rows = [*map(_reference, dense), *shown]
    return Panel(
        title=plot.title,
        x=plot.y,
        y=axes.names(title, [*(reference.name for reference in dense), *(names[series.name] for series in shown)]),
        series=tuple(_row(series, index) for index, series in enumerate(rows)),
        references=tuple(replace(reference, name="", up=True) for reference in dense),
    )


def _reference(reference: Reference) -> Series:
    return Series(reference.name, (Point(0.0, reference.at, reference.text),), GREY, named=False)


def _row(series: Series, index: int) -> Series:
    [point] = series.drawn
    return replace(series, points=(replace(point, x=point.y, y=index),), kind="spans", band=False, shift=0.0)


def row_names(cells: Sequence[Cell], rate: Rate, controls: Collection[str]) -> dict[str, str]:
    """Method -> what its row is called: whether it is a control, and what it reaches."""
    return {
        cell.method: f"{cell.method}{' (control)' * (cell.method in controls)}, {words.achieved(rate.of(cell))}"
        for cell in cells
    }


def named_on_axes(plots: Sequence[Panel]) -> Literal["none", ""]:
    """Where names of series stand on axes they need stand nowhere else."""
    return "none" if all(plot.y.scale == "names" for plot in plots) else ""
