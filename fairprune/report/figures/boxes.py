"""A panel's plot area, and the places of what is drawn and named in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fairprune.report.figures.axes import Tick
from fairprune.report.figures.labels import Area, Label, around, mark, placed
from fairprune.report.figures.values import Panel, Point, Series

_BAR = 0.8  # of the distance between bars
_STEP = 0.42  # between marks set side by side, in letters


@dataclass(frozen=True)
class Box:
    """A plot area with letters of size `em`, and what is written around it: nothing that a neighbour says already."""

    panel: Panel
    em: float
    left: float
    top: float
    width: float
    height: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    x_numbers: bool
    y_numbers: bool
    x_title: str
    y_title: str
    title: str
    rise: float  # of the title above the plot
    room: float  # for the title, to the next panel

    @property
    def right(self) -> float:
        """Of the plot area."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Of the plot area."""
        return self.top + self.height

    def x(self, value: float, shift: float = 0.0) -> float:
        """Where a value stands, moved by so many steps; never outside the plot."""
        place = self.left + self.width * self.panel.x.place(value)
        return min(max(place + shift * _STEP * self.em, self.left), self.right)

    def y(self, value: float) -> float:
        """The height of a value, which grows downwards; never outside the plot."""
        return self.bottom - self.height * self.panel.y.place(value)

    def area(self, series: Series, point: Point) -> Area:
        """What a bar, a row or a mark covers."""
        x, y = self.x(point.x, series.shift), self.y(point.y)
        if series.kind == "bars":
            half = _BAR / 2 * abs(self.x(point.x + 0.5) - self.x(point.x - 0.5))
            return Area(x - half, y, x + half, self.bottom)
        if series.kind == "rows":
            half = _BAR / 2 * self.height / max(len(self.panel.y.names), 1)
            return Area(self.left if point.low is None else self.x(point.low), y - half, x, y + half)
        return mark(x, y, self.em)


def labels(box: Box) -> tuple[tuple[Series, Label], ...]:
    """Names beside marks and at the ends of bars."""
    shown = [(series, point) for series in box.panel.series for point in series.drawn]
    named = [(series, point) for series, point in shown if point.label]
    room = Area(box.left, box.top - 1.6 * box.em, box.right + 1.2 * box.em, box.bottom)
    covered = [box.area(series, point) for series, point in shown]
    found = placed([_places(box, series, point) for series, point in named], covered, room, box.em)
    return tuple((series, label) for (series, _), label in zip(named, found, strict=True) if label)


def _places(box: Box, series: Series, point: Point) -> tuple[Label, ...]:
    x, y, em = box.x(point.x, series.shift), box.y(point.y), box.em
    if series.kind == "bars":
        return (Label(point.label, x, y - 0.4 * em, "middle"),)
    if series.kind == "rows":
        return (Label(point.label, x + 0.4 * em, y + 0.35 * em, "start"),)
    return around(point.label, x, y, em)


def ends(box: Box, gap: float) -> tuple[tuple[Series, float], ...]:
    """The named series and the heights of their names beside the plot, `gap` apart."""
    known = [series for series in box.panel.series if series.named and series.drawn]
    heights = apart([box.y(series.last.y) for series in known], gap, box.top, box.bottom)
    return tuple(zip(known, heights, strict=True))


def apart(heights: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Heights moved as little as leaves `gap` between neighbours, in their order; closer where there is no room."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    gap = min(gap, (high - low) / max(len(order) - 1, 1))
    moved = [heights[i] for i in order]
    for i in range(1, len(moved)):
        moved[i] = max(moved[i], moved[i - 1] + gap)
    limit = high
    for i in reversed(range(len(moved))):
        moved[i] = min(moved[i], limit)
        limit = moved[i] - gap
    back = dict(zip(order, moved, strict=True))
    return [back[i] for i in range(len(heights))]
