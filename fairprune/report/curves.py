"""Accuracy-efficiency curves as geometry: pixels, paths and words. The template `chart.html` draws them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fairprune.report import words
from fairprune.report.headline import where
from fairprune.report.rows import anchor
from fairprune.summary import Cell, Panel, Spread, Summary

Axis = Literal["compression", "speedup"]

WIDTH, HEIGHT = 700, 400
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 16, 44
COLOURS = 8  # in the style sheet, chosen to differ in lightness too
SHAPES = (
    "M-4.6 0a4.6 4.6 0 1 0 9.2 0a4.6 4.6 0 1 0 -9.2 0Z",  # circle
    "M-4.2 -4.2H4.2V4.2H-4.2Z",  # square
    "M0 -5.4L5 4H-5Z",  # triangle
    "M0 -5.8L5.8 0L0 5.8L-5.8 0Z",  # diamond
    "M0 5.4L5 -4H-5Z",  # triangle, point down
    "M-1.7 -5H1.7V-1.7H5V1.7H1.7V5H-1.7V1.7H-5V-1.7H-1.7Z",  # plus
    "M0 -5.6L5.3 -1.7L3.3 4.5H-3.3L-5.3 -1.7Z",  # pentagon
)
_APART = 5.0  # pixels between the whiskers of neighbours at one target
_LABELS_APART = 16.0


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class Mark:
    """A point with its whisker (pixels); None where there is no interval. `title` is what hovering shows."""

    x: float
    y: float
    low: float | None
    high: float | None
    title: str
    anchor: str
    complete: bool


@dataclass(frozen=True)
class Series:
    """A method's points, from the lightest pruning to the heaviest."""

    name: str
    colour: int
    shape: str
    control: bool
    marks: tuple[Mark, ...]
    label: float  # height of its name beside the plot

    @property
    def line(self) -> str:
        """Its points, as a polyline has them."""
        return " ".join(f"{m.x:.1f},{m.y:.1f}" for m in self.marks)

    @property
    def band(self) -> str:
        """Its intervals as one area, shown when the series is pointed at."""
        known = [(m.x, m.low, m.high) for m in self.marks if m.low is not None and m.high is not None]
        upper = [f"{x:.1f},{high:.1f}" for x, _, high in known]
        return " ".join(upper + [f"{x:.1f},{low:.1f}" for x, low, _ in reversed(known)])


@dataclass(frozen=True)
class Reference:
    """A horizontal line for dense networks."""

    name: str
    kind: Literal["base", "dense"]
    y: float
    label: float
    title: str


@dataclass(frozen=True)
class Chart:
    """One panel's curves over one axis."""

    id: str
    axis: Axis
    title: str
    description: str
    y_title: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    references: tuple[Reference, ...]
    series: tuple[Series, ...]


@dataclass(frozen=True)
class _Frame:
    """From factors (log2) and endpoints (linear) to pixels."""

    factor: float
    low: float
    high: float

    def x(self, factor: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log2(factor) / math.log2(self.factor)

    def y(self, value: float) -> float:
        inside = min(max(value, self.low), self.high)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (inside - self.low) / (self.high - self.low)


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
        x_ticks=_x_ticks(frame),
        y_ticks=tuple(Tick(frame.y(v), f"{v:g}") for v in _steps(frame.low, frame.high)),
        references=_references(summary, panel, frame),
        series=_labelled([_series(summary, panel, axis, frame, name, names.index(name), len(names)) for name in names]),
    )


def _frame(summary: Summary, panel: Panel, axis: Axis) -> _Frame:
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
    top = 100.0 if summary.unit == "%" else math.inf
    factors = [f for p in mates for cell in p.cells if cell.endpoint and (f := _factor(cell, axis))]
    return _Frame(max(2.0, max(factors) * 1.06), low - pad, min(high + pad, top))


def _low(spread: Spread) -> float:
    return spread.mean if spread.low is None else spread.low


def _high(spread: Spread) -> float:
    return spread.mean if spread.high is None else spread.high


def _factor(cell: Cell, axis: Axis) -> float | None:
    achieved = cell.compression if axis == "compression" else cell.speedup
    return max(achieved.mean, 1.0) if achieved else None


def _series(summary: Summary, panel: Panel, axis: Axis, frame: _Frame, name: str, index: int, count: int) -> Series:
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


def _mark(summary: Summary, cell: Cell, frame: _Frame, x: float, where_to: str) -> Mark:
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


def _references(summary: Summary, panel: Panel, frame: _Frame) -> tuple[Reference, ...]:
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
            label=frame.y(spread.mean) + (-6.0 if index == 0 else 14.0),
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
    return tuple(Series(s.name, s.colour, s.shape, s.control, s.marks, moved[s.name]) for s in series)


def _x_ticks(frame: _Frame) -> tuple[Tick, ...]:
    most = int(math.log2(frame.factor) + 1e-9)
    step = max(1, math.ceil(most / 8))
    return tuple(Tick(frame.x(2.0**power), f"{2**power}x") for power in range(0, most + 1, step))


def _steps(low: float, high: float) -> list[float]:
    """Round numbers from low to high, at most about eight."""
    rough = (high - low) / 7
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= rough)
    return [round(i * step, 10) for i in range(math.ceil(low / step), math.floor(high / step + 1e-9) + 1)]


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
