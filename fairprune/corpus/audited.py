"""Rows of the corpus as what the audit judges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairprune.audit.columns import COLUMNS
from fairprune.audit.read import printed
from fairprune.audit.result import Result
from fairprune.audit.spelling import spelling
from fairprune.corpus.names import Names
from fairprune.corpus.schema import SCHEMA
from fairprune.schedules import Schedule

_SHARED = tuple(name for name in COLUMNS if name in SCHEMA["results"] and name not in ("method", "dataset", "network"))
_MACS_IN = {"macs": 1.0, "2x macs": 2.0}


def as_result(row: Mapping[str, Any], names: Names) -> Result:
    """A row of the table `results` as the audit's value; its id is the row's key, its method's name has the variant.

    What is not printed but follows is worked out: both rates from sizes, the accuracy from the base's and its change.
    Raises SpecError for a row that contradicts itself.
    """
    cells = ((name, cell) for name in _SHARED if (cell := row.get(name)) is not None)
    known = {name: COLUMNS[name].read(cell) if isinstance(cell, str) else cell for name, cell in cells}
    base_top1, top1, change = known.get("base_top1"), known.get("top1"), row.get("top1_change")
    params, flops = (_ratio(row.get(f"base_{size}"), row.get(size)) for size in ("params_m", "flops_g"))
    counted, per_mac = row.get("base_flops_g"), _MACS_IN.get(str(row.get("flops_unit")))
    return printed(
        known
        | {
            "id": row["key"],
            "source": f"{row['paper']}, {row['source']}",
            "method": method_of(row, names),
            "dataset": names.dataset.get(str(row.get("dataset"))),
            "network": names.network.get(str(row.get("network"))),
            "compression": known.get("compression", params),
            "speedup": known.get("speedup", flops),
            "base_top1": _moved(top1, change, -1) if base_top1 is None else base_top1,
            "top1": _moved(base_top1, change, 1) if top1 is None else top1,
            "params_m_base": row.get("base_params_m"),
            "macs_g_base": counted / per_mac if counted is not None and per_mac else None,
        }
    )


def as_row(result: Result) -> dict[str, Any]:
    """What the columns of `results` that the audit shares with it hold of a result; the inverse of `as_result`."""
    row = {name: getattr(result, name) for name in _SHARED}
    lists = {name: " ".join(value) or "none" for name, value in row.items() if isinstance(value, tuple)}
    schedules = {name: str(value) for name, value in row.items() if isinstance(value, Schedule)}
    augmentation = "none" if result.augmentation == "" else result.augmentation
    return row | lists | schedules | {"augmentation": augmentation}


def method_of(row: Mapping[str, Any], names: Names) -> str | None:
    """The method's name, and the variant, which may have the name in it: GReg and GReg-1 are GReg-1."""
    name, variant = names.method.get(str(row.get("method"))), row.get("variant")
    if name and variant:
        return variant if spelling(name) in spelling(variant) else f"{name} {variant}"
    return name or variant


def _ratio(dense: float | None, small: float | None) -> float | None:
    return dense / small if dense and small else None


def _moved(accuracy: float | None, change: float | None, sign: int) -> float | None:
    return None if accuracy is None or change is None else round(accuracy + sign * change, 6)
