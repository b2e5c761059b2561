"""Curves by the logarithm of errors: where some methods fail, an even scale lays the others on top of each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from fairprune.report.figures import axes
from fairprune.report.figures.values import CEILING, Axis, Figure, Panel

_FROM = 4.0  # times the least error, from which an even axis squeezes what is best

_SCALE = "by the logarithm of errors"

Charts = Mapping[str, Figure]


def stretched(charts: Sequence[Charts]) -> list[Charts]:
    """Figures of percentages with what is missing to 100 on a logarithmic scale; none where that shows no more.

    Those that have one axis have one again. Means stay inside; an interval may run off the plot.
    """
    means: defaultdict[Axis, list[float]] = defaultdict(list)
    for panel in (panel for by_key in charts for figure in by_key.values() for panel in figure.panels):
        means[_axis(panel)] += _means(panel)
    if not any(map(_squeezed, means.values())):
        return [{} for _ in charts]
    return [{key: _redrawn(figure, means) for key, figure in by_key.items()} for by_key in charts]


def _squeezed(means: Sequence[float]) -> bool:
    missing = [CEILING - mean for mean in means if mean < CEILING]
    return bool(missing) and max(missing) >= _FROM * min(missing)


def _redrawn(figure: Figure, means: Mapping[Axis, Sequence[float]]) -> Figure:
    panels = tuple(_over(panel, means[_axis(panel)]) for panel in figure.panels)
    return replace(figure, key=f"{figure.key}-errors", title=f"{figure.title}, {_SCALE}", panels=panels)


def _over(panel: Panel, means: Sequence[float]) -> Panel:
    axis = axes.errors(f"{_axis(panel).title}, {_SCALE}", means)
    return replace(panel, x=axis) if _lying(panel) else replace(panel, y=axis)


def _lying(panel: Panel) -> bool:
    """Whether methods are rows, and percentages go across."""
    return panel.y.scale == "names"


def _axis(panel: Panel) -> Axis:
    return panel.x if _lying(panel) else panel.y


def _means(panel: Panel) -> Iterator[float]:
    yield from (point.x if _lying(panel) else point.y for series in panel.series for point in series.drawn)
    yield from (reference.at for reference in panel.references)
