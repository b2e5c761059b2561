"""Accuracy-efficiency curves: from a summary to charts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from fairprune.report import words
from fairprune.report.chart import (
    BOTTOM,
    COLOURS,
    HEIGHT,
    LEFT,
    RIGHT,
    SHAPES,
    TOP,
    WIDTH,
    Axis,
    Chart,
    Frame,
    Mark,
    Reference,
    Series,
    x_ticks,
    y_ticks,
)
from fairprune.report.headline import where
from fairprune.report.rows import anchor
from fairprune.summary import Cell, Panel, Spread, Summary

_APART = 5.0  # pixels between the whiskers of neighbours at one target
_LABELS_APART = 16.0


def charts(summary: Summary) -> list[Chart]:
    """Every panel's chart over compression and over speedup; none where no run of a panel ended."""
    axes: tuple[Axis, ...] = ("compression", "speedup")
    return [
        _chart(summary, panel, axis)
        for panel in summary.panels
        for axis in axes
        if any(cell.endpoint and _factor(cell, axis) for cell in panel.cells)
    ]


def style_of(summary: Summary, method: str) -> tuple[int, str]:
    """Colour and shape of a method, the same in all charts of a study; both repeat only after 56 methods."""
    names = list(dict.fromkeys(cell.method for panel in summary.panels for cell in panel.cells))
    index = names.index(method)
    return index % COLOURS, SHAPES[index % len(SHAPES)]


def _chart(summary: Summary, panel: Panel, axis: Axis) -> Chart:
    frame = _frame(summary, panel, axis)
    names = list(dict.fromkeys(cell.method for cell in panel.cells if cell.endpoint and _factor(cell, axis)))
    unit = f", {summary.unit}" if summary.unit else ""
    return Chart(
        id=f"chart-{summary.panels.index(panel)}-{axis}",
        axis=axis,
        title=f"{where(panel)}: test {summary.endpoint} against {axis}",
        description=_description(summary, panel, axis),
        y_title=f"test {summary.endpoint}{unit}",
        x_ticks=x_ticks(frame),
        y_ticks=y_ticks(frame),
        references=_references(summary, panel, frame),
        series=_labelled([_series(summary, panel, axis, frame, name, names.index(name), len(names)) for name in names]),
    )


def _frame(summary: Summary, panel: Panel, axis: Axis) -> Frame:
    """Heights are those of all panels of the task, so that recipes can be compared by eye."""
    mates = [p for p in summary.panels if p.task == panel.task]
    spreads = [cell.endpoint for p in mates for cell in p.cells]
    spreads += [p.base for p in mates] + [p.dense.endpoint for p in mates if p.dense]
    known = [s for s in spreads if s]
    means = [s.mean for s in known]
    reach = 0.35 * (max(means) - min(means)) or 1.0  # a whisker may run off the plot; means may not
    low = max(min(_low(s) for s in known), min(means) - reach)
    high = min(max(_high(s) for s in known), max(means) + reach)
    pad = 0.04 * (high - low) or 0.5
    bottom, top = (0.0, 100.0) if summary.unit == "%" else (-math.inf, math.inf)
    factors = [f for p in mates for cell in p.cells if cell.endpoint and (f := _factor(cell, axis))]
    return Frame(max(2.0, max(factors) * 1.06), max(low - pad, bottom), min(high + pad, top))


def _low(spread: Spread) -> float:
    return spread.mean if spread.low is None else spread.low


def _high(spread: Spread) -> float:
    return spread.mean if spread.high is None else spread.high


def _factor(cell: Cell, axis: Axis) -> float | None:
    achieved = cell.compression if axis == "compression" else cell.speedup
    return max(achieved.mean, 1.0) if achieved else None


def _series(summary: Summary, panel: Panel, axis: Axis, frame: Frame, name: str, index: int, count: int) -> Series:
    shift = (index - (count - 1) / 2) * _APART
    marks = [
        _mark(summary, cell, frame, frame.x(factor) + shift, anchor(summary, panel, position))
        for position, cell in enumerate(panel.cells)
        if cell.method == name and cell.endpoint and (factor := _factor(cell, axis))
    ]
    marks.sort(key=lambda mark: mark.x)
    colour, shape = style_of(summary, name)
    control = any(c.control == name for c in panel.comparisons)
    return Series(name, colour, shape, control, tuple(marks), marks[-1].y)


def _mark(summary: Summary, cell: Cell, frame: Frame, x: float, where_to: str) -> Mark:
    spread = cell.endpoint
    assert spread is not None
    return Mark(
        x=min(max(x, LEFT), WIDTH - RIGHT),
        y=frame.y(spread.mean),
        low=None if spread.low is None else frame.y(spread.low),
        high=None if spread.high is None else frame.y(spread.high),
        title=_hover(summary, cell, spread),
        anchor=where_to,
        complete=cell.done == cell.expected,
    )


def _hover(summary: Summary, cell: Cell, spread: Spread) -> str:
    decimals = words.digits(summary)
    seeds = ", ".join(f"{r.base_seed}/{r.run_seed}" for r in cell.runs if r.state == "done")
    lines = [
        f"{cell.method}, {cell.target}",
        f"{summary.endpoint} {words.spread(spread, decimals)} {summary.unit}".strip(),
        f"n = {words.runs(cell)}; seeds (base/run) {seeds}",
        f"compression {words.achieved(cell.compression)}, speedup {words.achieved(cell.speedup)}",
    ]
    return "\n".join(lines)


def _references(summary: Summary, panel: Panel, frame: Frame) -> tuple[Reference, ...]:
    """Lines of the dense networks; the lower one is named below its line, so that the names do not touch."""
    decimals = words.digits(summary)
    known: list[tuple[str, Literal["base", "dense"], Spread]] = []
    if panel.base:
        known.append(("dense, not pruned", "base", panel.base))
    if panel.dense and panel.dense.endpoint:
        known.append(("dense, retrained", "dense", panel.dense.endpoint))
    known.sort(key=lambda entry: -entry[2].mean)
    return tuple(
        Reference(
            name=f"{name} {spread.mean:.{decimals}f}",
            kind=kind,
            y=frame.y(spread.mean),
            below=index > 0,
            label=frame.y(spread.mean) + (-5.0 if index == 0 else 5.0),
            title=f"{name}: {words.spread(spread, decimals)}, n = {spread.n}",
        )
        for index, (name, kind, spread) in enumerate(known)
    )


def _labelled(series: Sequence[Series]) -> tuple[Series, ...]:
    """Names beside the plot moved apart, in the order of the series' last points."""
    ordered = sorted(series, key=lambda s: s.label)
    room = (HEIGHT - BOTTOM - TOP) / max(len(ordered) - 1, 1)
    gap = min(_LABELS_APART, room)
    heights = [s.label for s in ordered]
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + gap)
    over = max(heights[-1] - (HEIGHT - BOTTOM), 0.0) if heights else 0.0
    for i in range(len(heights) - 1, -1, -1):
        limit = heights[i + 1] - gap if i + 1 < len(heights) else heights[i] - over
        heights[i] = min(heights[i], limit)
    moved = {s.name: height for s, height in zip(ordered, heights, strict=True)}
    return tuple(replace(s, label=moved[s.name]) for s in series)


def _description(summary: Summary, panel: Panel, axis: Axis) -> str:
    """The chart in words, for those who do not see it."""
    said = []
    for name in dict.fromkeys(cell.method for cell in panel.cells):
        points = [
            f"{words.spread(cell.endpoint, words.digits(summary))} at {words.times(factor)}"
            for cell in panel.cells
            if cell.method == name and cell.endpoint and (factor := _factor(cell, axis))
        ]
        said.append(f"{name}: {', '.join(points) or 'no result'}.")
    return " ".join(said)
