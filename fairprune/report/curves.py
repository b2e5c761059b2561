"""Accuracy-efficiency curves: from a summary to figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import fmean

from fairprune.report import scratch, words
from fairprune.report.figures import axes
from fairprune.report.figures.palette import COLOURS, SHAPES
from fairprune.report.figures.values import Axis, Figure, Point, Reference, Series
from fairprune.report.figures.values import Panel as Plot
from fairprune.report.headline import where
from fairprune.report.laid import NOTHING, Laid
from fairprune.report.laid import laid as laid_under
from fairprune.report.published import Shelf
from fairprune.report.rates import Rate, machines, rates
from fairprune.report.rows import anchor
from fairprune.report.spans import lined_up, named_on_axes, row_names
from fairprune.summary import Cell, Panel, Spread, Summary

MOST_DRAWN = 24  # methods in a plot
_MOST_BANDED = 6  # methods whose intervals are bands; of more, bands would hide each other
_MOST_APART = 10  # steps between marks of one target
_MOST_SEEDS = 12  # pairs that pointing at a mark lists


def curves(summary: Summary, panel: Panel, shelf: Shelf | None = None) -> dict[str, Figure]:
    """A panel's curves by the key of what they lie over; none where no run of it ended. A shelf's lie below them."""
    known = [rate for rate in rates(summary) if _reached(panel, rate)]
    return {rate.key: _figure(summary, panel, rate, shelf) for rate in known}


def together(summary: Summary, rate: Rate, shelf: Shelf | None = None) -> Figure | None:
    """All panels over one rate as one figure, as a paper shows it; None where there is nothing to draw."""
    panels = [panel for panel in summary.panels if _reached(panel, rate)]
    if not panels:
        return None
    title = f"{summary.name}: test {words.endpoint(summary)} against {rate.name}"
    if len(panels) == 1:
        return replace(_figure(summary, panels[0], rate, shelf), title=title)
    plots = [
        replace(_plot(summary, panel, rate, _laid(summary, panel, rate, shelf)), title=where(panel)) for panel in panels
    ]
    said = [f"{where(panel)}: {_description(summary, panel, rate)}" for panel in panels]
    return Figure(
        key=f"curves-{rate.key}",
        title=title,
        caption="",
        panels=tuple(plots),
        columns=2,
        least=20.0,
        names=named_on_axes(plots) or "legend",
        description=" ".join(said),
    )


def style_of(summary: Summary, method: str) -> tuple[int, int]:
    """Colour and shape of a method, the same in all figures of a study; both repeat only after 56 methods."""
    names = list(dict.fromkeys(cell.method for panel in summary.panels for cell in panel.cells))
    index = names.index(method)
    return index % COLOURS, index % len(SHAPES)


def _figure(summary: Summary, panel: Panel, rate: Rate, shelf: Shelf | None) -> Figure:
    laid = _laid(summary, panel, rate, shelf)
    note = " ".join(filter(None, (laid[panel.recipe].note, _left_out(summary, panel, rate))))
    where_timed = machines(summary) if rate.kind == "measured" else ""
    plot = _plot(summary, panel, rate, laid)
    return Figure(
        key=f"chart-{summary.panels.index(panel)}-{rate.key}",
        title=f"{where(panel)}: test {words.endpoint(summary)} against {rate.name}",
        caption=" ".join(filter(None, (note, where_timed))),
        panels=(plot,),
        aspect=0.5,
        names=named_on_axes([plot]) or "ends",
        description=" ".join(filter(None, (_description(summary, panel, rate), note, where_timed))),
    )


def _laid(summary: Summary, panel: Panel, rate: Rate, shelf: Shelf | None) -> dict[str, Laid]:
    """What is published beside each recipe of a panel's task; nothing was measured on this machine."""
    mates = _mates(summary, panel)
    if shelf is None or rate.kind == "measured":
        return {mate.recipe: NOTHING for mate in mates}
    largest, heights = max(_factors(mates, rate)), _heights(mates)
    return {mate.recipe: laid_under(shelf, mate, rate.kind, largest, heights) for mate in mates}


def _plot(summary: Summary, panel: Panel, rate: Rate, laid: dict[str, Laid]) -> Plot:
    mates = _mates(summary, panel)
    points = [point for found in laid.values() for series in found.series for point in series.points]
    names = _drawn(summary, panel, rate)
    timed = [each for each in rates(summary) if each.kind == "measured"]
    reached = _reached(panel, rate)
    curved = bool(points) or len({cell.target for cell in reached}) > 1
    middle, step = (len(names) - 1) / 2, min(1.0, _MOST_APART / max(len(names) - 1, 1))
    plot = Plot(
        title="",
        x=axes.factor(rate.title, [*_factors(mates, rate), *(point.x for point in points)], rate.least),
        y=_axis(summary, [*_heights(mates), *(point.y for point in points)]),
        series=(
            *laid[panel.recipe].series,
            *(scratch.lines(summary, panel, rate) if curved else ()),
            *(
                _series(summary, panel, rate, name, (index - middle) * step, timed, band=len(names) <= _MOST_BANDED)
                for index, name in enumerate(names)
            ),
        ),
        references=_references(summary, panel),
    )
    if curved:
        return plot
    plot = replace(plot, references=(*plot.references, *scratch.references(summary, panel, rate)))
    named = row_names(reached, rate, {c.control for c in panel.comparisons})
    return lined_up(plot, f"method, {rate.title}", named, lower=summary.direction == "lower")


def _mates(summary: Summary, panel: Panel) -> list[Panel]:
    return [mate for mate in summary.panels if mate.task == panel.task]


def _reached(panel: Panel, rate: Rate) -> list[Cell]:
    return [cell for cell in panel.cells if cell.endpoint and rate.factor(cell)]


def _factors(panels: Sequence[Panel], rate: Rate) -> list[float]:
    return [factor for panel in panels for cell in _reached(panel, rate) if (factor := rate.factor(cell))]


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
    return axes.linear(f"test {words.endpoint(summary)}{unit}", heights, floor=bottom, ceiling=top)


def _drawn(summary: Summary, panel: Panel, rate: Rate) -> list[str]:
    """The methods that are drawn: all, or the controls and those with the best means, in the study's order."""
    values: dict[str, list[float]] = {}
    for cell in _reached(panel, rate):
        if cell.endpoint:
            values.setdefault(cell.method, []).append(cell.endpoint.mean)
    if len(values) <= MOST_DRAWN:
        return list(values)
    sign = 1 if summary.direction == "lower" else -1
    best = sorted(values, key=lambda name: sign * fmean(values[name]))
    compared = {c.control for c in panel.comparisons}
    controls = [name for name in values if name in compared]
    kept = set([*controls, *(name for name in best if name not in controls)][:MOST_DRAWN])
    return [name for name in values if name in kept]


def _left_out(summary: Summary, panel: Panel, rate: Rate) -> str:
    every = {cell.method for cell in _reached(panel, rate)}
    drawn = _drawn(summary, panel, rate)
    if len(drawn) == len(every):
        return ""
    chosen = "the controls and the methods with the best means"
    return f"Drawn are {chosen}, {len(drawn)} of {len(every):,}; the table has all."


def _series(
    summary: Summary, panel: Panel, rate: Rate, name: str, shift: float, timed: Sequence[Rate], *, band: bool
) -> Series:
    points = [
        Point(
            x=factor,
            y=spread.mean,
            low=spread.low,
            high=spread.high,
            text=_hover(summary, cell, spread, timed),
            link=f"#{anchor(summary, panel, position)}",
            open=cell.done != cell.expected,
        )
        for position, cell in enumerate(panel.cells)
        if cell.method == name and (spread := cell.endpoint) and (factor := rate.factor(cell))
    ]
    if rate.kind != "measured":  # there more compression need not be faster, and lines follow the targets
        points.sort(key=lambda point: point.x)
    colour, shape = style_of(summary, name)
    control = any(c.control == name for c in panel.comparisons)
    band = band and sum(point.low is not None for point in points) > 1
    return Series(name, tuple(points), colour, shape, dotted=control, band=band, shift=shift)


def _hover(summary: Summary, cell: Cell, spread: Spread, timed: Sequence[Rate]) -> str:
    decimals = words.digits(summary)
    pairs = [f"{run.base_seed}/{run.run_seed}" for run in cell.runs if run.state == "done"]
    seeds = ", ".join(pairs[:_MOST_SEEDS]) + (f" and {len(pairs) - _MOST_SEEDS} more" if pairs[_MOST_SEEDS:] else "")
    lines = [
        cell.target,
        f"{words.endpoint(summary)} {words.spread(spread, decimals)} {summary.unit}".strip(),
        f"n = {words.runs(cell)}; seeds (base/run) {seeds}",
        f"compression {words.achieved(cell.compression)}, theoretical speedup {words.achieved(cell.speedup)}",
        *(f"{each.name} {words.achieved(each.of(cell))}" for each in timed if each.of(cell)),
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
    for name in _drawn(summary, panel, rate) or dict.fromkeys(cell.method for cell in panel.cells):
        points = [
            f"{words.spread(cell.endpoint, words.digits(summary))} at {words.times(factor)}"
            for cell in panel.cells
            if cell.method == name and cell.endpoint and (factor := rate.factor(cell))
        ]
        said.append(f"{name}: {', '.join(points) or 'no result'}.")
    return " ".join(said)
