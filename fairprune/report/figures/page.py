"""Figures in pages: each in two sizes, with its data beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from fairprune.report.figures.palette import NARROW, WIDE
from fairprune.report.figures.svg import inline
from fairprune.report.figures.table import Table, table
from fairprune.report.figures.values import Figure
from fairprune.report.templates import template


@dataclass(frozen=True)
class Drawn:
    """A figure as the templates draw it; a page shows the size that fits. The SVG is escaped already."""

    figure: Figure

    @cached_property
    def wide(self) -> str:
        """For screens and paper."""
        return inline(self.figure, WIDE, "wide")

    @cached_property
    def narrow(self) -> str:
        """For phones."""
        return inline(self.figure, NARROW, "narrow")

    @cached_property
    def table(self) -> Table:
        """What it shows, in rows."""
        return table(self.figure)


def page(title: str, about: str, facts: str, figures: Sequence[Figure]) -> str:
    """Figures as one HTML file without any outside resource."""
    drawn = [Drawn(figure) for figure in figures]
    return template("figures/page.html").render(title=title, about=about, facts=facts, drawn=drawn)
