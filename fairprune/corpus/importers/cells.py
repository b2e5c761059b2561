"""Columns of rows that people write: those of `fairprune audit`, those of the table `results`, a few units more.

A cell is read into columns of `results`. Sizes in percent become rates, dense over pruned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import polars as pl

from fairprune.audit.columns import COLUMNS, PERCENT, choice, number, whole
from fairprune.audit.read import plain
from fairprune.corpus.importers.units import accuracy_from_error, rate_from_kept, rate_from_saved
from fairprune.corpus.schema import FLOPS_UNITS, SCHEMA

Read = Callable[[str], Mapping[str, Any]]

BY_HAND = ("source", "transcribed_by")  # of `results`, but not out of one cell

_POINTS = number(-100, 100, "points, from -100 to 100")
_SIZE = COLUMNS["params_m_base"].read
_PERCENT = COLUMNS["top1"].read
_LEAST = 1e-6
_KEPT = number(_LEAST, 100, "percent kept, from above 0 to 100", PERCENT)
_REMOVED = number(0, 100 - _LEAST, "percent removed, from 0 to below 100", PERCENT)


def _text(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Reads what is stored as text: lists joined, `none` for empty ones, schedules in their canonical form."""

    def stored(cell: str) -> str:
        value = read(cell)
        return (" ".join(value) if isinstance(value, tuple) else str(value)) or "none"

    return stored


def _into(column: str, read: Callable[[str], Any]) -> Read:
    return lambda cell: {column: read(cell)}


_OWN: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(("key", "variant", "setting", "corrected"), str),
    **dict.fromkeys(("top1_change", "top5_change"), _POINTS),
    **dict.fromkeys(("base_top5", "base_top1_std"), _PERCENT),
    **dict.fromkeys(("base_params_m", "params_m", "base_flops_g", "flops_g"), _SIZE),
    "replicate": whole(0),
    "flops_unit": choice("unit of operations", *FLOPS_UNITS),
}
_SHARED = {name: column.read for name, column in COLUMNS.items() if name in SCHEMA["results"] and name not in BY_HAND}
_TEXTS = {name for name, column in SCHEMA["results"].items() if column.type == pl.String}

CELLS: Mapping[str, Read] = MappingProxyType(
    {
        **{name: _into(name, _text(read) if name in _TEXTS else read) for name, read in {**_SHARED, **_OWN}.items()},
        "params_m_base": _into("base_params_m", _SIZE),
        "macs_g_base": lambda cell: {"base_flops_g": _SIZE(cell), "flops_unit": "macs"},
        "kept_params_pct": lambda cell: {"compression": rate_from_kept(_KEPT(cell))},
        "removed_params_pct": lambda cell: {"compression": rate_from_saved(_REMOVED(cell))},
        "kept_flops_pct": lambda cell: {"speedup": rate_from_kept(_KEPT(cell))},
        "removed_flops_pct": lambda cell: {"speedup": rate_from_saved(_REMOVED(cell))},
        "top1_error": lambda cell: {"top1": accuracy_from_error(_PERCENT(cell))},
    }
)
"""How a cell that is not blank is read, by its column; SpecError where it cannot be."""


def read_cell(column: str, cell: str) -> Mapping[str, Any]:
    """What a cell that is not blank says. Raises SpecError where it cannot be read, or shown."""
    return CELLS[column](plain(cell))


def rule(column: str) -> str:
    """The rule that a cell of this column breaks which cannot be read."""
    if column in ("compression", "speedup"):
        return "ratio"
    meant = SCHEMA["results"].get(column)
    if column.endswith("_schedule"):
        return "schedule"
    if meant is None or meant.type != pl.String:
        return "bounds"
    return "unknown-name" if meant.choices or meant.refers else "text"
