"""What a figure shows, without a word on where: panels, axes, series of points, references. Everything is frozen."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Scale = Literal["linear", "whole", "log", "factor", "names", "marked", "errors"]

CEILING = 100.0  # percent, from which an axis of errors counts down
Kind = Literal["line", "dots", "bars", "rows", "spans"]

GREY = 8  # the colour of what stands in the background


@dataclass(frozen=True)
class Axis:
    """From values to a fraction of its length. `names` stand at 0, 1, 2 ..., on a marked axis where `marks` says.

    Ticks of a factor are powers of two, where there are three; of a whole axis whole numbers. On an axis of errors,
    steps are factors of what is missing to 100 %.
    `low` lies at the left or at the bottom, and may be the larger of the two.
    """

    title: str
    low: float
    high: float
    scale: Scale = "linear"
    names: tuple[str, ...] = ()
    marks: tuple[float, ...] = ()

    def place(self, value: float) -> float:
        """0 at `low`, 1 at `high`; what lies outside is put at the edge."""
        if self.scale in ("log", "factor"):
            smallest = min(self.low, self.high)
            low, high, value = (math.log2(max(v, smallest)) for v in (self.low, self.high, value))
        elif self.scale == "errors":
            least = CEILING - max(self.low, self.high)
            low, high, value = (-math.log2(max(CEILING - v, least)) for v in (self.low, self.high, value))
        else:
            low, high = self.low, self.high
        return min(max((value - low) / (high - low), 0.0), 1.0)


@dataclass(frozen=True)
class Point:
    """A mark: its interval in y (of spans in x), what pointing at it says, where it leads, a name to stand beside.

    `open` marks are hollow: something about them is not complete.
    """

    x: float
    y: float
    text: str
    low: float | None = None
    high: float | None = None
    link: str = ""
    open: bool = False
    label: str = ""


@dataclass(frozen=True)
class Series:
    """Points of one name, colour and shape. Series of one name are shown together when one is pointed at.

    Bars stand on 0 at x; rows lie at y, and reach to x from `low` or from the axis' low; spans are marks in rows, with
    their intervals along x. A band draws intervals as one
    area, always; otherwise they are whiskers. Marks of an `open` series are hollow. `shift` moves marks sideways by so
    many steps, so that they do not hide each other. What is not `named` stands in no legend.
    """

    name: str
    points: tuple[Point, ...]
    colour: int = 0
    shape: int = 0
    kind: Kind = "line"
    dotted: bool = False
    band: bool = False
    named: bool = True
    open: bool = False
    size: float = 1.0
    shift: float = 0.0

    @cached_property
    def drawn(self) -> tuple[Point, ...]:
        """Its points without those that are not finite."""
        return tuple(p for p in self.points if math.isfinite(p.x) and math.isfinite(p.y))

    @property
    def last(self) -> Point:
        """The one furthest to the right."""
        return max(self.drawn, key=lambda point: point.x)


@dataclass(frozen=True)
class Reference:
    """A line across at a value of y, named at its right end or at its start, above or below the line, or not at all.

    One that goes up stands at a value of x, and has its name beside its upper end: right of it, or left (`below`). The
    diagonal is where y is x, from one corner of what both axes hold to the other, named there.
    """

    name: str
    at: float
    text: str
    up: bool = False
    diagonal: bool = False
    dashed: bool = False
    below: bool = False
    start: bool = False


@dataclass(frozen=True)
class Panel:
    """Series over one pair of axes. Neighbours with equal axes show their numbers once."""

    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    references: tuple[Reference, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(series.drawn for series in self.series)


@dataclass(frozen=True)
class Figure:
    """Panels in reading order, at most `columns` beside each other, each at least `least` letters (em) wide.

    `aspect` is a plot's height over its width. Names of series stand at the ends of their lines where there is one
    column with room for that, otherwise in a legend. `description` is for those who do not see it.
    """

    key: str
    title: str
    caption: str
    panels: tuple[Panel, ...]
    columns: int = 1
    least: float = 14.0
    aspect: float = 0.62
    names: Literal["ends", "legend", "none"] = "legend"
    description: str = ""

    @cached_property
    def series(self) -> tuple[Series, ...]:
        """The first series of every name, in order."""
        found: dict[str, Series] = {}
        for panel in self.panels:
            for series in panel.series:
                found.setdefault(series.name, series)
        return tuple(found.values())

    def points(self) -> Iterator[tuple[Panel, Series, Point]]:
        """Everything it shows."""
        return ((panel, series, point) for panel in self.panels for series in panel.series for point in series.points)
