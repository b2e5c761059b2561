"""From a figure and a look to places: rows of boxes, margins, the legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fairprune.report.figures.axes import ticks
from fairprune.report.figures.boxes import Box
from fairprune.report.figures.grid import Grid
from fairprune.report.figures.palette import Look, breadth, cut
from fairprune.report.figures.values import Axis, Figure, Panel, Series

# In letters (em).
LINE = 1.45
SWATCH = 2.4
_GAP = 1.6  # between columns
_LABELLED = 0.7  # between an axis and its numbers
_EDGE = 0.4  # around everything
_RIGHT = 1.2  # right of the last column: half a mark, or half a number
_ROW = 1.75  # of an axis of names
_ENDS_FROM = 60.0  # a figure's width from which names stand beside lines

_ENDS_MOST = 0.3  # of a figure's width, for names beside lines
_NAMES_MOST = 0.55  # of a figure's width, for all names on axes
_TICKS_MOST = 9


@dataclass(frozen=True)
class Entry:
    """A name in the legend, and where its swatch begins."""

    series: Series
    text: str
    left: float
    middle: float


@dataclass(frozen=True)
class Sheet:
    """A figure in a look, with every place known. With `ends`, names stand beside lines."""

    figure: Figure
    look: Look
    height: float
    boxes: tuple[Box, ...]
    legend: tuple[Entry, ...]
    ends: bool


@dataclass(frozen=True)
class _Frame:
    """What all rows of a figure share."""

    grid: Grid
    em: float
    margins: tuple[float, ...]
    width: float  # of a plot
    aspect: float

    def left(self, column: int) -> float:
        return sum(self.margins[: column + 1]) + (self.width + _GAP * self.em) * column

    def height(self, panel: Panel) -> float:
        """A line for each name, or by the figure's aspect, but less flat where there is little width."""
        if panel.y.scale == "names":
            return _ROW * self.em * max(len(panel.y.names), 1)
        return max(self.aspect * self.width, min(0.7 * self.width, 16 * self.em))


def arrange(figure: Figure, look: Look) -> Sheet:
    """Every place of a figure."""
    em = look.font
    columns = max(1, min(figure.columns, int(look.width / (figure.least * em)), len(figure.panels)))
    grid = Grid(tuple(figure.panels[i : i + columns] for i in range(0, len(figure.panels), columns)))
    named = [series for series in figure.series if series.named]
    ends = figure.names == "ends" and columns == 1 and look.width >= _ENDS_FROM * em
    legend = () if ends or figure.names == "none" else _legend(named, look)
    margins = _margins(grid, look, columns)
    right = _ends_width(named, look) if ends else _RIGHT * em
    width = (look.width - sum(margins) - right - _GAP * em * (columns - 1)) / columns
    frame = _Frame(grid, em, margins, width, figure.aspect)
    top, boxes = legend[-1].middle + LINE * em if legend else 0.0, []
    for index in range(len(grid.rows)):
        row = _row(frame, index, top)
        boxes += row
        below = 0.6 + LINE * any(box.x_numbers for box in row) + LINE * any(box.x_title for box in row)
        top = row[0].bottom + em * below
    return Sheet(figure, look, top + 0.2 * em, tuple(boxes), legend, ends)


def _row(frame: _Frame, row: int, top: float) -> list[Box]:
    """Plots of one height, under their titles."""
    grid, em, panels = frame.grid, frame.em, frame.grid.rows[row]
    columns = range(len(panels))
    rise = em * (0.9 + LINE * any(grid.y_title(row, c) for c in columns))
    height = max(frame.height(panel) for panel in panels)
    return [
        Box(
            panel=panel,
            em=em,
            left=frame.left(c),
            top=top + rise + em * LINE * any(grid.title(row, other) for other in columns),
            width=frame.width,
            height=height,
            x_ticks=ticks(panel.x, _most(panel.x, frame.width, em)),
            y_ticks=ticks(panel.y, min(int(height / (2 * em)), _TICKS_MOST)),
            x_numbers=grid.x_numbers(row, c),
            y_numbers=grid.y_numbers(row, c),
            x_title=grid.x_title(row, c),
            y_title=grid.y_title(row, c),
            title=grid.title(row, c),
            rise=rise,
            room=frame.width + (_GAP - 0.6) * em + sum(frame.margins[c + 1 : c + 2]),
        )
        for c, panel in enumerate(panels)
    ]


def _margins(grid: Grid, look: Look, columns: int) -> tuple[float, ...]:
    """Room for the numbers or names of each column's vertical axes."""
    shown = [grid.shown(column) for column in range(columns)]
    named = sum(any(axis.scale == "names" for axis in axes) for axes in shown)
    most = _NAMES_MOST * look.width / max(named, 1)
    texts = [[breadth(tick.text, look.font) for axis in axes for tick in ticks(axis, _TICKS_MOST)] for axes in shown]
    edges = (_EDGE if column == 0 else 0.0 for column in range(columns))
    return tuple(
        min(max(widths, default=0.0), most) + (_LABELLED + edge) * look.font
        for widths, edge in zip(texts, edges, strict=True)
    )


def _most(axis: Axis, width: float, em: float) -> int:
    """How many numbers there is room for beside each other."""
    widest = max((breadth(tick.text, em) for tick in ticks(axis, _TICKS_MOST)), default=em)
    return min(_TICKS_MOST, int(width / (widest + em)))


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
    return min(widest + 3.5 * look.font, _ENDS_MOST * look.width)
