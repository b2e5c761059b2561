"""Training from scratch as what pruning has to beat: a line in the curves of every recipe that retrains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean, geometric_mean

from fairprune.report import words
from fairprune.report.figures.values import GREY, Point, Reference, Series
from fairprune.report.rates import Rate
from fairprune.summary import Cell, Panel, Summary


def lines(summary: Summary, panel: Panel, rate: Rate) -> tuple[Series, ...]:
    """For each recipe from scratch of the panel's task the mean over its methods at every target, which a point lists.

    Methods are those of the panel that are no controls; none lie in a panel that is from scratch itself.
    """
    return tuple(
        Series(name, tuple(sorted(points, key=lambda point: point.x)), GREY, dotted=True, size=0.8)
        for name, points in _found(summary, panel, rate)
        if points
    )


def references(summary: Summary, panel: Panel, rate: Rate) -> tuple[Reference, ...]:
    """The same where there is one target only."""
    decimals = words.digits(summary)
    return tuple(
        Reference(f"{name} {point.y:.{decimals}f}", point.y, point.text, dashed=True)
        for name, points in _found(summary, panel, rate)
        for point in points
    )


def _found(summary: Summary, panel: Panel, rate: Rate) -> Iterator[tuple[str, list[Point]]]:
    """Name and points of each recipe from scratch."""
    if panel.scratch:
        return
    controls = {comparison.control for comparison in panel.comparisons}
    methods = {cell.method for cell in panel.cells} - controls
    for mate in summary.panels:
        if mate.task == panel.task and mate.scratch:
            cells = [cell for cell in mate.cells if cell.method in methods and cell.endpoint and rate.factor(cell)]
            targets = dict.fromkeys(cell.target for cell in cells)
            points = [_point(summary, rate, [cell for cell in cells if cell.target == target]) for target in targets]
            alone = len({cell.method for cell in cells}) == 1
            yield mate.recipe if alone else f"{mate.recipe}, mean of methods", points


def _point(summary: Summary, rate: Rate, cells: Sequence[Cell]) -> Point:
    decimals = words.digits(summary)
    known = [(cell, cell.endpoint, factor) for cell in cells if cell.endpoint and (factor := rate.factor(cell))]
    said = [f"{cell.method}: {words.spread(spread, decimals)}, n = {words.runs(cell)}" for cell, spread, _ in known]
    x, y = geometric_mean(factor for *_, factor in known), fmean(spread.mean for _, spread, _ in known)
    return Point(x, y, "\n".join([cells[0].target, *said]))
