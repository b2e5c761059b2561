"""From a figure and a look to places: boxes of plots, their ticks and titles, names, legends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fairprune.report.figures.axes import Tick, ticks
from fairprune.report.figures.labels import Area, Label, around, mark, placed
from fairprune.report.figures.palette import Look, breadth, cut
from fairprune.report.figures.values import Axis, Figure, Panel, Point, Series

# In letters (em).
LINE = 1.45
_GAP = 1.6  # between columns
_LABELLED = 0.7  # between an axis and its numbers
_EDGE = 0.4  # around everything
_BAR = 0.8  # of the distance between bars
_ROW = 1.75  # of an axis of names
_NAMES_MOST = 0.55  # of a figure's width, for all names on axes
_ENDS_FROM = 60.0  # a figure's width from which names stand beside lines
_ENDS_MOST = 0.3  # of that width, for the names
_STEP = 0.42  # between marks set side by side
SWATCH = 2.4


@dataclass(frozen=True)
class Box:
    """A panel's plot area, and what is written around it: nothing that a neighbour says already."""

    panel: Panel
    left: float
    top: float
    width: float
    height: float
    step: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    x_numbers: bool
    y_numbers: bool
    x_title: str
    y_title: str
    title: str
    rise: float  # of the panel's title above the plot
    room: float  # for that title, to the next panel
    ends: tuple[tuple[Series, float], ...] = ()  # names beside the plot, and their heights
    labels: tuple[tuple[Series, Label], ...] = ()  # names beside marks

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
        return min(max(place + shift * self.step, self.left), self.right)

    def y(self, value: float) -> float:
        """The height of a value, which grows downwards; never outside the plot."""
        return self.bottom - self.height * self.panel.y.place(value)

    def area(self, series: Series, point: Point, em: float) -> Area:
        """What a bar, a row or a mark covers."""
        x, y = self.x(point.x, series.shift), self.y(point.y)
        if series.kind == "bars":
            half = _BAR / 2 * abs(self.x(point.x + 0.5) - self.x(point.x - 0.5))
            return Area(x - half, y, x + half, self.bottom)
        if series.kind == "rows":
            half = _BAR / 2 * self.height / max(len(self.panel.y.names), 1)
            return Area(self.left if point.low is None else self.x(point.low), y - half, x, y + half)
        return mark(x, y, em)


@dataclass(frozen=True)
class Entry:
    """A name in the legend, and where its swatch begins."""

    series: Series
    text: str
    left: float
    middle: float


@dataclass(frozen=True)
class Sheet:
    """A figure in a look, with every place known."""

    figure: Figure
    look: Look
    height: float
    boxes: tuple[Box, ...]
    legend: tuple[Entry, ...]


def arrange(figure: Figure, look: Look) -> Sheet:
    """Every place of a figure."""
    em = look.font
    columns = max(1, min(figure.columns, int(look.width / (figure.least * em)), len(figure.panels)))
    rows = [figure.panels[i : i + columns] for i in range(0, len(figure.panels), columns)]
    named = [series for series in figure.series if series.named]
    ends = figure.names == "ends" and columns == 1 and look.width >= _ENDS_FROM * em
    legend = () if ends or figure.names == "none" else _legend(named, look)
    right = _ends_width(named, look) if ends else 1.2 * em
    margins = _margins(rows, look, columns)
    width = (look.width - sum(margins) - right - _GAP * em * (columns - 1)) / columns
    top = legend[-1].middle + LINE * em if legend else 0.0
    boxes: list[Box] = []
    for index in range(len(rows)):
        made = _row(figure, rows, index, margins, width, em, top)
        boxes += [replace(box, ends=_ends(box, em)) for box in made] if ends else made
        below = 0.6 + LINE * any(box.x_numbers for box in made) + LINE * any(box.x_title for box in made)
        top = made[0].bottom + em * below
    boxes = [replace(box, labels=_labels(box, em)) for box in boxes]
    return Sheet(figure, look, top + 0.2 * em, tuple(boxes), legend)


def _row(
    figure: Figure,
    rows: Sequence[Sequence[Panel]],
    index: int,
    margins: Sequence[float],
    width: float,
    em: float,
    top: float,
) -> list[Box]:
    panels = rows[index]
    above = rows[index - 1] if index else ()
    beneath = rows[index + 1] if index + 1 < len(rows) else ()
    x_titles = [
        "" if p.x.title == _title(beneath, c, "x") or p.x in [q.x for q in panels[c + 1 : c + 2]] else p.x.title
        for c, p in enumerate(panels)
    ]
    y_titles = [
        "" if p.y.title == _title(panels, c - 1, "y") or _titles(above, c) == (p.x.title, p.y.title) else p.y.title
        for c, p in enumerate(panels)
    ]
    titles = ["" if _title(above, c, "") == p.title else p.title for c, p in enumerate(panels)]
    rise = em * (0.9 + LINE * any(y_titles))
    top += rise + em * LINE * any(titles)
    height = max(_height(figure, panel, width, em) for panel in panels)
    return [
        Box(
            panel=panel,
            left=sum(margins[: c + 1]) + (width + _GAP * em) * c,
            top=top,
            width=width,
            height=height,
            step=_STEP * em,
            x_ticks=ticks(panel.x, _most(panel.x, width, em)),
            y_ticks=ticks(panel.y, min(int(height / (2 * em)), 9)),
            x_numbers=c >= len(beneath) or beneath[c].x != panel.x,
            y_numbers=_y_numbers(panels, c),
            x_title=x_titles[c],
            y_title=y_titles[c],
            title=titles[c],
            rise=rise,
            room=width + (_GAP - 0.6) * em + (margins[c + 1] if c + 1 < len(margins) else 0.0),
        )
        for c, panel in enumerate(panels)
    ]


def _height(figure: Figure, panel: Panel, width: float, em: float) -> float:
    """Of a plot: a line for each name, or by the figure's aspect, but less flat where there is little width."""
    if panel.y.scale == "names":
        return _ROW * em * max(len(panel.y.names), 1)
    return max(figure.aspect * width, min(0.7 * width, 16 * em))


def _title(panels: Sequence[Panel], column: int, axis: str) -> str:
    if not 0 <= column < len(panels):
        return ""
    panel = panels[column]
    return {"x": panel.x.title, "y": panel.y.title}.get(axis, panel.title)


def _titles(panels: Sequence[Panel], column: int) -> tuple[str, str]:
    return _title(panels, column, "x"), _title(panels, column, "y")


def _y_numbers(panels: Sequence[Panel], column: int) -> bool:
    return column == 0 or panels[column - 1].y != panels[column].y


def _margins(rows: Sequence[Sequence[Panel]], look: Look, columns: int) -> list[float]:
    """Room for the numbers or names of each column's vertical axes."""
    found = []
    named = sum(any(c < len(row) and _y_numbers(row, c) and row[c].y.names for row in rows) for c in range(columns))
    most = _NAMES_MOST * look.width / max(named, 1)
    for column in range(columns):
        shown = [row[column].y for row in rows if column < len(row) and _y_numbers(row, column)]
        widest = max((breadth(t.text, look.font) for axis in shown for t in ticks(axis, 9)), default=0.0)
        edge = _EDGE if column == 0 else 0.0
        found.append(min(widest, most) + (_LABELLED + edge) * look.font)
    return found


def _most(axis: Axis, width: float, em: float) -> int:
    """How many numbers there is room for beside each other."""
    widest = max((breadth(tick.text, em) for tick in ticks(axis, 9)), default=em)
    return min(9, int(width / (widest + em)))


def _legend(named: Sequence[Series], look: Look) -> tuple[Entry, ...]:
    """Names in lines as wide as the figure."""
    em, first = look.font, _EDGE * look.font
    left, middle = first, 0.75 * em
    found = []
    for series in named:
        text = cut(series.name, em, look.width - first - SWATCH * em)
        wide = SWATCH * em + breadth(text, em)
        if left > first and left + wide > look.width:
            left, middle = first, middle + LINE * em
        found.append(Entry(series, text, left, middle))
        left += wide + 1.3 * em
    return tuple(found)


def _ends_width(named: Sequence[Series], look: Look) -> float:
    widest = max((breadth(series.name, look.font) for series in named), default=0.0)
    return min(widest + 2.8 * look.font, _ENDS_MOST * look.width)


def _ends(box: Box, em: float) -> tuple[tuple[Series, float], ...]:
    known = [series for series in box.panel.series if series.named and series.drawn]
    heights = apart([box.y(series.last.y) for series in known], LINE * em, box.top, box.bottom)
    return tuple(zip(known, heights, strict=True))


def _labels(box: Box, em: float) -> tuple[tuple[Series, Label], ...]:
    """Names beside marks and at the ends of bars."""
    shown = [(series, point) for series in box.panel.series for point in series.drawn]
    named = [(series, point) for series, point in shown if point.label]
    room = Area(box.left, box.top - 1.6 * em, box.right + 1.2 * em, box.bottom)
    covered = [box.area(series, point, em) for series, point in shown]
    found = placed([_places(box, series, point, em) for series, point in named], covered, room, em)
    return tuple((series, label) for (series, _), label in zip(named, found, strict=True) if label)


def _places(box: Box, series: Series, point: Point, em: float) -> tuple[Label, ...]:
    x, y = box.x(point.x, series.shift), box.y(point.y)
    if series.kind == "bars":
        return (Label(point.label, x, y - 0.4 * em, "middle"),)
    if series.kind == "rows":
        return (Label(point.label, x + 0.4 * em, y + 0.35 * em, "start"),)
    return around(point.label, x, y, em)


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
