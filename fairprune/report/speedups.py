"""Theoretical against measured speedup, a figure of its own, because they differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fairprune.report import words
from fairprune.report.curves import MOST_DRAWN, style_of
from fairprune.report.figures import axes
from fairprune.report.figures.values import Axis, Figure, Point, Reference, Series
from fairprune.report.figures.values import Panel as Plot
from fairprune.report.rates import SPEEDUP, Rate, machines, rates
from fairprune.report.rows import anchor
from fairprune.summary import Cell, Panel, Summary

_MASKED = "Masked weights are multiplied all the same: whatever theory says, masks make nothing faster."


def speedups(summary: Summary) -> tuple[Figure, ...]:
    """A figure for each task where latency was measured, a plot for each batch size; none where it was not."""
    timed = [rate for rate in rates(summary) if rate.kind == "measured"]
    tasks = dict.fromkeys(panel.task for panel in summary.panels)
    figures = (_figure(summary, index, task, timed) for index, task in enumerate(tasks))
    return tuple(figure for figure in figures if figure)


def _figure(summary: Summary, index: int, task: str, timed: Sequence[Rate]) -> Figure | None:
    panels = [panel for panel in summary.panels if panel.task == task]
    known = [(rate, found) for rate in timed if (found := list(_known(summary, panels, rate)))]
    if not known:
        return None
    names = {cell.method for _, found in known for cell, _ in found}
    some = f"Drawn are {MOST_DRAWN} of {len(names):,} methods; the table has all." if len(names) > MOST_DRAWN else ""
    masked = any(cell.granularity == "weight" for _, found in known for cell, _ in found)
    return Figure(
        key=f"speedups-{index}",
        title=f"{task}: measured against theoretical speedup",
        caption=" ".join(filter(None, (machines(summary), _CAPTION, _MASKED if masked else "", some))),
        panels=tuple(_plot(summary, rate, found) for rate, found in known),
        columns=2,
        least=24.0,
        aspect=0.8,
    )


_CAPTION = (
    "Each network was timed in turn with the dense one. On the line, measurement is what theory promises; below it, "
    "less. Means over runs, from the smallest to the largest."
)


def _known(summary: Summary, panels: Sequence[Panel], rate: Rate) -> Iterator[tuple[Cell, str]]:
    """Cells that were timed, with their anchors: the first of each method and target, whatever retrained it."""
    seen = set()
    for panel in panels:
        for position, cell in enumerate(panel.cells):
            key = cell.method, cell.target
            if key not in seen and rate.of(cell) and cell.speedup:
                seen.add(key)
                yield cell, anchor(summary, panel, position)


def _plot(summary: Summary, rate: Rate, found: Sequence[tuple[Cell, str]]) -> Plot:
    promised = [SPEEDUP.factor(cell) or 1.0 for cell, _ in found]
    seen = [value for cell, _ in found if (reached := rate.of(cell)) for value in (reached.min, reached.max)]
    x, y = axes.factor(SPEEDUP.name, promised), axes.factor("measured speedup", seen, rate.least)
    return Plot(
        title=f"batch {rate.batch_size}",
        x=x,
        y=Axis(y.title, y.low, max(y.high, min(x.high, 2 * y.high)), y.scale),  # so that the diagonal is seen
        series=tuple(
            _series(summary, rate, found, name)
            for name in list(dict.fromkeys(cell.method for cell, _ in found))[:MOST_DRAWN]
        ),
        references=(Reference("as promised", 1.0, "measured is what theory promises", diagonal=True, dashed=True),),
    )


def _series(summary: Summary, rate: Rate, found: Sequence[tuple[Cell, str]], name: str) -> Series:
    points = sorted((_point(rate, cell, link) for cell, link in found if cell.method == name), key=lambda p: p.x)
    colour, shape = style_of(summary, name)
    return Series(name, tuple(points), colour, shape, kind="dots")


def _point(rate: Rate, cell: Cell, link: str) -> Point:
    reached = rate.of(cell)
    assert reached is not None
    several = reached.min < reached.max
    text = f"{cell.target}\n{rate.name}: {words.achieved(reached)}, theoretical {words.achieved(cell.speedup)}"
    return Point(
        x=SPEEDUP.factor(cell) or 1.0,
        y=reached.mean,
        text=f"{text}\nn = {words.runs(cell)}",
        low=reached.min if several else None,
        high=reached.max if several else None,
        link=f"#{link}",
        open=cell.done != cell.expected,
    )
