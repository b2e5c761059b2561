"""Accuracy-efficiency curves: from a summary to figures."""

from __future__ import annotations

import math
from collections.abc import Iterable

from fairprune.audit.setups import RATES, Rate
from fairprune.report import words
from fairprune.report.figures import axes
from fairprune.report.figures.palette import COLOURS, SHAPES
from fairprune.report.figures.values import Axis, Figure, Point, Reference, Series
from fairprune.report.figures.values import Panel as Plot
from fairprune.report.headline import where
from fairprune.report.laid import laid as laid_under
from fairprune.report.published import Shelf
from fairprune.report.rows import anchor
from fairprune.summary import Cell, Panel, Spread, Summary

_TITLES = {
    "compression": "compression (dense / kept parameters)",
    "speedup": "theoretical speedup (dense / kept multiply-adds)",
}


def curves(summary: Summary, panel: Panel, shelf: Shelf | None = None) -> dict[Rate, Figure]:
    """A panel's curves over compression and over speedup; none where no run of it ended. A shelf's lie below them."""
    found = {rate: [cell for cell in panel.cells if cell.endpoint and _factor(cell, rate)] for rate in RATES}
    return {rate: _figure(summary, panel, rate, shelf) for rate in RATES if found[rate]}


def style_of(summary: Summary, method: str) -> tuple[int, int]:
    """Colour and shape of a method, the same in all figures of a study; both repeat only after 56 methods."""
    names = list(dict.fromkeys(cell.method for panel in summary.panels for cell in panel.cells))
    index = names.index(method)
    return index % COLOURS, index % len(SHAPES)


def _figure(summary: Summary, panel: Panel, rate: Rate, shelf: Shelf | None) -> Figure:
    mates = [p for p in summary.panels if p.task == panel.task]
    factors = [f for p in mates for cell in p.cells if cell.endpoint and (f := _factor(cell, rate))]
    heights = _heights(mates)
    laid = {p.recipe: laid_under(shelf, p, rate, max(factors), heights) for p in mates} if shelf else {}
    points = [point for found in laid.values() for series in found.series for point in series.points]
    names = list(dict.fromkeys(cell.method for cell in panel.cells if cell.endpoint and _factor(cell, rate)))
    middle = (len(names) - 1) / 2
    plot = Plot(
        title="",
        x=axes.factor(_TITLES[rate], [*factors, *(point.x for point in points)]),
        y=_axis(summary, [*heights, *(point.y for point in points)]),
        series=(
            *(laid[panel.recipe].series if laid else ()),
            *(_series(summary, panel, rate, name, index - middle) for index, name in enumerate(names)),
        ),
        references=_references(summary, panel),
    )
    return Figure(
        key=f"chart-{summary.panels.index(panel)}-{rate}",
        title=f"{where(panel)}: test {summary.endpoint} against {rate}",
        caption=laid[panel.recipe].note if laid else "",
        panels=(plot,),
        aspect=0.5,
        names="ends",
        description=" ".join([_description(summary, panel, rate), *([laid[panel.recipe].note] if laid else [])]),
    )


def _heights(mates: list[Panel]) -> tuple[float, float]:
    """Heights are those of all panels of the task, so that recipes can be compared by eye."""
    spreads = [cell.endpoint for p in mates for cell in p.cells]
    spreads += [p.base for p in mates] + [p.dense.endpoint for p in mates if p.dense]
    known = [s for s in spreads if s]
    means = [s.mean for s in known]
    reach = 0.35 * (max(means) - min(means)) or 1.0  # a whisker may run off the plot; means may not
    low = max(min(s.mean if s.low is None else s.low for s in known), min(means) - reach)
    high = min(max(s.mean if s.high is None else s.high for s in known), max(means) + reach)
    return low, high


def _axis(summary: Summary, heights: Iterable[float]) -> Axis:
    bottom, top = (0.0, 100.0) if summary.unit == "%" else (-math.inf, math.inf)
    unit = f", {summary.unit}" if summary.unit else ""
    return axes.linear(f"test {summary.endpoint}{unit}", heights, floor=bottom, ceiling=top)


def _factor(cell: Cell, rate: Rate) -> float | None:
    achieved = cell.compression if rate == "compression" else cell.speedup
    return max(achieved.mean, 1.0) if achieved else None


def _series(summary: Summary, panel: Panel, rate: Rate, name: str, shift: float) -> Series:
    points = [
        Point(
            x=factor,
            y=spread.mean,
            low=spread.low,
            high=spread.high,
            text=_hover(summary, cell, spread),
            link=f"#{anchor(summary, panel, position)}",
            open=cell.done != cell.expected,
        )
        for position, cell in enumerate(panel.cells)
        if cell.method == name and (spread := cell.endpoint) and (factor := _factor(cell, rate))
    ]
    points.sort(key=lambda point: point.x)
    colour, shape = style_of(summary, name)
    control = any(c.control == name for c in panel.comparisons)
    return Series(name, tuple(points), colour, shape, dotted=control, shift=shift)


def _hover(summary: Summary, cell: Cell, spread: Spread) -> str:
    decimals = words.digits(summary)
    seeds = ", ".join(f"{r.base_seed}/{r.run_seed}" for r in cell.runs if r.state == "done")
    lines = [
        cell.target,
        f"{summary.endpoint} {words.spread(spread, decimals)} {summary.unit}".strip(),
        f"n = {words.runs(cell)}; seeds (base/run) {seeds}",
        f"compression {words.achieved(cell.compression)}, speedup {words.achieved(cell.speedup)}",
    ]
    return "\n".join(lines)


def _references(summary: Summary, panel: Panel) -> tuple[Reference, ...]:
    """Lines of the dense networks; the lower one is named below its line, so that the names do not touch."""
    decimals = words.digits(summary)
    known: list[tuple[str, bool, Spread]] = []
    if panel.base:
        known.append(("dense, not pruned", False, panel.base))
    if panel.dense and panel.dense.endpoint:
        known.append(("dense, retrained", True, panel.dense.endpoint))
    known.sort(key=lambda entry: -entry[2].mean)
    return tuple(
        Reference(
            name=f"{name} {spread.mean:.{decimals}f}",
            at=spread.mean,
            text=f"{name}: {words.spread(spread, decimals)}, n = {spread.n}",
            dashed=dashed,
            below=index > 0,
            start=True,  # the lightest target leaves room there
        )
        for index, (name, dashed, spread) in enumerate(known)
    )


def _description(summary: Summary, panel: Panel, rate: Rate) -> str:
    """The figure in words, for those who do not see it."""
    said = []
    for name in dict.fromkeys(cell.method for cell in panel.cells):
        points = [
            f"{words.spread(cell.endpoint, words.digits(summary))} at {words.times(factor)}"
            for cell in panel.cells
            if cell.method == name and cell.endpoint and (factor := _factor(cell, rate))
        ]
        said.append(f"{name}: {', '.join(points) or 'no result'}.")
    return " ".join(said)
