"""Panels in rows and columns, and what each leaves to its neighbours to say."""

from __future__ import annotations

from dataclasses import dataclass

from fairprune.report.figures.values import Axis, Panel


@dataclass(frozen=True)
class Grid:
    """Rows of panels; the last may be shorter. A panel is named by its row and column."""

    rows: tuple[tuple[Panel, ...], ...]

    def at(self, row: int, column: int) -> Panel | None:
        """The panel there, if there is one."""
        inside = 0 <= row < len(self.rows) and 0 <= column < len(self.rows[row])
        return self.rows[row][column] if inside else None

    def x_numbers(self, row: int, column: int) -> bool:
        """Whether it shows the numbers of its horizontal axis: the one below does not have the same."""
        below = self.at(row + 1, column)
        return below is None or below.x != self.rows[row][column].x

    def y_numbers(self, row: int, column: int) -> bool:
        """Whether it shows those of its vertical axis: the one to the left does not have the same."""
        before = self.at(row, column - 1)
        return before is None or before.y != self.rows[row][column].y

    def title(self, row: int, column: int) -> str:
        """Its title, unless the one above has the same."""
        above, panel = self.at(row - 1, column), self.rows[row][column]
        return "" if above and above.title == panel.title else panel.title

    def x_title(self, row: int, column: int) -> str:
        """Of its horizontal axis, unless the one below says so, or the one to the right has the same axis."""
        below, after, panel = self.at(row + 1, column), self.at(row, column + 1), self.rows[row][column]
        said = (below and below.x.title == panel.x.title) or (after and after.x == panel.x)
        return "" if said else panel.x.title

    def y_title(self, row: int, column: int) -> str:
        """Of its vertical axis, unless the one to the left says so, or the one above, over the same."""
        above, before, panel = self.at(row - 1, column), self.at(row, column - 1), self.rows[row][column]
        said = (before and before.y.title == panel.y.title) or (above and _titles(above) == _titles(panel))
        return "" if said else panel.y.title

    def shown(self, column: int) -> list[Axis]:
        """The vertical axes of a column whose numbers or names are shown."""
        return [row[column].y for r, row in enumerate(self.rows) if column < len(row) and self.y_numbers(r, column)]


def _titles(panel: Panel) -> tuple[str, str]:
    return panel.x.title, panel.y.title
