"""A study's figure by the name of its axis."""

from __future__ import annotations

from fairprune.errors import FigureError, SpecError, unknown
from fairprune.report.curves import together
from fairprune.report.figures.values import Figure
from fairprune.report.rates import rates, shown_first
from fairprune.report.speedups import speedups
from fairprune.summary import Summary


def figure_of(summary: Summary, axis: str | None) -> Figure:
    """The study's curves over compression, speedup, measured (the largest batch size) or one of `rates`; or speedups.

    None: what the study declared. Raises SpecError for another axis, FigureError where there is nothing to draw.
    """
    known = {rate.key: rate for rate in rates(summary)}
    timed = [key for key in known if key.startswith("measured-")]
    axis = {None: shown_first(summary).key, "measured": timed[-1] if timed else axis}.get(axis, axis)
    if axis in ("measured", "speedups") and not timed:
        raise FigureError(f'axis {axis}: no run of {summary.name} was timed; studies ask by metrics = ["latency"]')
    if axis not in (*known, "speedups"):
        raise SpecError(unknown("axis", str(axis), (*known, "measured", "speedups")))
    figure = next(iter(speedups(summary)), None) if axis == "speedups" else together(summary, known[str(axis)])
    if figure is None:
        raise FigureError(f"{summary.name}: no pruned network has been measured, so there are no curves yet")
    return figure
