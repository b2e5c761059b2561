"""What a figure shows, as rows: for those who read numbers, and for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fairprune.report.figures.values import Axis, Figure


@dataclass(frozen=True)
class Table:
    """Titles and rows of text."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def table(figure: Figure) -> Table:
    """Every point of a figure; columns that would be empty are left out."""
    x, y = (_shared([getattr(p, axis).title for p in figure.panels], axis) for axis in ("x", "y"))
    titles = ("panel", "series", x, y, "interval", "about")
    rows = [
        (
            panel.title,
            series.name,
            _said(panel.x, point.x),
            _said(panel.y, point.y),
            "" if point.low is None or point.high is None else f"{_number(point.low)} to {_number(point.high)}",
            "; ".join(point.text.splitlines()),
        )
        for panel, series, point in figure.points()
    ]
    kept = [i for i in range(len(titles)) if any(row[i] for row in rows)]
    return Table(tuple(titles[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in rows))


def data(figure: Figure) -> dict[str, Any]:
    """The figure as JSON: what it shows, not how."""
    return {
        "name": figure.key,
        "title": figure.title,
        "caption": figure.caption,
        "panels": [
            {
                "title": panel.title,
                "x": {"title": panel.x.title, "names": _names(panel.x)},
                "y": {"title": panel.y.title, "names": _names(panel.y)},
                "references": {reference.name: reference.at for reference in panel.references},
                "series": [
                    {
                        "name": series.name,
                        "points": [
                            {"x": p.x, "y": p.y, "low": p.low, "high": p.high, "text": p.text, "link": p.link or None}
                            for p in series.drawn
                        ],
                    }
                    for series in panel.series
                ],
            }
            for panel in figure.panels
        ],
    }


def _names(axis: Axis) -> list[str]:
    return list(axis.names) if axis.scale == "names" else []


def _shared(titles: list[str], otherwise: str) -> str:
    found = {title for title in titles if title}
    return found.pop() if len(found) == 1 else otherwise


def _said(axis: Axis, value: float) -> str:
    at = round(value)
    return axis.names[at] if axis.scale == "names" and 0 <= at < len(axis.names) else _number(value)


def _number(value: float) -> str:
    return f"{value:.6g}".replace("-", "−")
