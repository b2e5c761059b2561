"""A summary as a frame: one row a point."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from fairprune.summary import Cell, Comparison, Panel, Summary

_COLUMNS: dict[str, Any] = {
    **dict.fromkeys(("task", "retraining", "method", "granularity", "target"), pl.String),
    **dict.fromkeys(
        ("amount", "compression", "speedup", "mean", "std", "low", "high", "before_retraining"), pl.Float64
    ),
    **dict.fromkeys(("done", "expected", "rank_best", "rank_worst"), pl.Int64),
    "control": pl.String,
    **dict.fromkeys(("difference", "difference_low", "difference_high", "p", "p_adjusted"), pl.Float64),
    "verdict": pl.String,
}


def points(summary: Summary) -> pl.DataFrame:
    """One row for every method at every target under every retraining, and for the dense controls.

    `mean` with its interval `low` to `high` is the endpoint on the test split, in the summary's unit, as are
    differences to the control, whose intervals hold together; `p_adjusted` is corrected for all declared comparisons.
    Null is what is not known, or does not apply.
    """
    rows = [row for panel in summary.panels for row in _rows(panel)]
    return pl.DataFrame({name: [row.get(name) for row in rows] for name in _COLUMNS}, schema=_COLUMNS)


def _rows(panel: Panel) -> Iterator[dict[str, Any]]:
    compared = {(c.method, c.target): c for c in panel.comparisons}
    ranked = {(rank.method, ranking.target): rank for ranking in panel.rankings for rank in ranking.ranks}
    for cell in (*([panel.dense] if panel.dense else []), *panel.cells):
        at = (cell.method, cell.target)
        rank = {"rank_best": ranked[at].best, "rank_worst": ranked[at].worst} if at in ranked else {}
        where = {"task": panel.task, "retraining": panel.recipe}
        yield {**where, **_of_cell(cell), **rank, **(_of_comparison(compared[at]) if at in compared else {})}


def _of_cell(cell: Cell) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(cell, name) for name in ("method", "granularity", "target", "amount")}
    found |= {"done": cell.done, "expected": cell.expected}
    found |= {name: reached.mean for name in ("compression", "speedup") if (reached := getattr(cell, name))}
    if cell.endpoint:
        found |= {name: getattr(cell.endpoint, name) for name in ("mean", "std", "low", "high")}
    return found | ({"before_retraining": cell.pruned.mean} if cell.pruned else {})


def _of_comparison(comparison: Comparison) -> dict[str, Any]:
    c = comparison
    return {
        **{"control": c.control, "difference": c.difference, "difference_low": c.low, "difference_high": c.high},
        **{"p": c.p, "p_adjusted": c.adjusted, "verdict": c.verdict},
    }
