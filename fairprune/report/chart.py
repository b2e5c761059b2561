"""A chart as values: pixels, paths and words. The template `chart.html` draws it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Axis = Literal["compression", "speedup"]

WIDTH, HEIGHT = 700, 400
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 26, 44
SIZE = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "bottom": BOTTOM}  # for the template
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
    below: bool  # its name stands below its line
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
class Frame:
    """From factors (log2) and endpoints (linear) to pixels."""

    factor: float
    low: float
    high: float

    def x(self, factor: float) -> float:
        """The place of a factor of 1 or more."""
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log2(factor) / math.log2(self.factor)

    def y(self, value: float) -> float:
        """The height of an endpoint; one that lies outside is drawn at the edge."""
        inside = min(max(value, self.low), self.high)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (inside - self.low) / (self.high - self.low)


def x_ticks(frame: Frame) -> tuple[Tick, ...]:
    """Powers of two, at most nine."""
    most = int(math.log2(frame.factor) + 1e-9)
    step = max(1, math.ceil(most / 8))
    return tuple(Tick(frame.x(2.0**power), f"{2**power}x") for power in range(0, most + 1, step))


def y_ticks(frame: Frame) -> tuple[Tick, ...]:
    """Round endpoints."""
    return tuple(Tick(frame.y(value), f"{value:g}") for value in _steps(frame.low, frame.high))


def _steps(low: float, high: float) -> list[float]:
    """Round numbers from low to high, at most ten."""
    rough = (high - low) / 9
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= rough)
    return [round(i * step, 10) for i in range(math.ceil(low / step), math.floor(high / step + 1e-9) + 1)]
