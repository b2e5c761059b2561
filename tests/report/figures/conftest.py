from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairprune.report.figures import axes
from fairprune.report.figures.values import Figure, Panel, Point, Series

LEVELS = (1.0, 2.0, 4.0)


@pytest.fixture
def figure() -> Callable[..., Figure]:
    """make(names of its series, panels, **fields of the figure) -> Figure; points fall from 90, series by series."""

    def make(called: tuple[str, ...] = ("a", "b"), panels: int = 1, **fields: Any) -> Figure:
        x, y = axes.factor("compression", LEVELS), axes.linear("top-1, %", [80, 90])
        series = tuple(
            Series(
                name,
                tuple(
                    Point(x=v, y=90 - i * (s + 1), text=f"at {v:g}", low=85.0, high=91.0) for i, v in enumerate(LEVELS)
                ),
                colour=s,
                shape=s,
            )
            for s, name in enumerate(called)
        )
        shown = tuple(Panel(f"panel {i}" if panels > 1 else "", x, y, series) for i in range(panels))
        return Figure(**({"key": "k", "title": "a title", "caption": "a caption", "panels": shown} | fields))

    return make
