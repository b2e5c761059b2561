"""Rows of the corpus as what the linter reads: numbers with as many digits as were printed, at most.

The corpus holds numbers, not texts, so zeros at the end are lost, and rates were worked out from the percentages or
sizes that are printed. A number therefore gets the fewest digits that give it back, and a rate is read as the
percentage that it came from where that says less: what the linter then finds wrong was wrong with more digits too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from fairprune.audit.lint import Entry
from fairprune.audit.lint.printed import ONE, Interval, Printed
from fairprune.corpus.audited import method_of
from fairprune.corpus.names import Names

_AS_PRINTED = {
    **{name: name for name in ("base_top1", "top1", "top1_std", "top5")},
    **{"top1_change": "delta_top1", "base_params_m": "params_m_base", "params_m": "params_m"},
}
_RATES = {"compression": "params_kept_pct", "speedup": "macs_kept_pct"}
_SIZES = {"compression": ("base_params_m", "params_m"), "speedup": ("base_flops_g", "flops_g")}
_PER_MAC = {"2x macs": 2}
_TABLE = re.compile(r"\b(table|figure) \d+[a-z]?\b", re.IGNORECASE)
_FINEST = 4  # decimals of percentages that anybody prints
_KEPT_TO = 1e-6  # rates are stored with six decimals
_DIGITS = 12  # of a number: more are a binary fraction's
_HUNDREDTH = Fraction(1, 100)


def as_entry(row: Mapping[str, Any], names: Names, line: int) -> Entry:
    """A row of the table `results` as a row of a table in print.

    Multiply-adds are those of the row, halved where its unit counts both.
    """
    numbers = {column: number(row[name]) for name, column in _AS_PRINTED.items() if row[name] is not None}
    per_mac = _PER_MAC.get(str(row["flops_unit"]), 1)
    for name, column in (("base_flops_g", "macs_g_base"), ("flops_g", "macs_g")):
        if row[name] is not None:
            numbers[column] = _part(number(row[name]), per_mac)
    for rate in _RATES:
        if row[rate] is not None and not _follows(row, rate):
            column, printed = _rate(rate, row[rate])
            numbers[column] = printed
    texts = {
        "group": _table(row),
        "source": row["source"],
        "method": method_of(row, names),
        "dataset": names.dataset.get(str(row["dataset"])),
        "network": _network(row, names),
    }
    return Entry(
        line,
        id=row["key"],
        numbers=numbers,
        seeds=row["seeds"],
        kind=row["kind"],
        selected_on=row["selected_on"],
        texts={column: text for column, text in texts.items() if text},
    )


def _table(row: Mapping[str, Any]) -> str:
    """The table that the row stands in: that of its paper which its source names, or its paper."""
    named = _TABLE.search(row["source"])
    return f"{row['paper']}, {named[0].lower()}" if named else str(row["paper"])


def _network(row: Mapping[str, Any], names: Names) -> str | None:
    """Its name. Operations of an unknown unit are kept apart from multiply-adds: only their ratios tell something."""
    name = names.network.get(str(row["network"]))
    counted = row["base_flops_g"] is not None or row["flops_g"] is not None
    return f"{name}, unit of operations unknown" if name and counted and row["flops_unit"] is None else name


def number(value: float) -> Printed:
    """The number with the fewest digits that give it back: 76.1 for 76.10, 2 for 2.0."""
    plain = Decimal(f"{value:.{_DIGITS}g}").normalize()
    text = format(plain, "f")
    return Printed(text, Fraction(plain), len(text.partition(".")[2]))


def _part(counted: Printed, per_mac: int) -> Printed:
    """A count of operations in multiply-adds."""
    if per_mac == 1:
        return counted
    return Printed(f"{counted.text}/{per_mac}", counted.value / per_mac, counted.decimals)


def _follows(row: Mapping[str, Any], rate: str) -> bool:
    """Whether the rate is but the quotient of the row's two sizes, so that it says nothing of its own."""
    base, small = (row[name] for name in _SIZES[rate])
    return bool(base and small and abs(base / small - row[rate]) <= _KEPT_TO)


def _rate(rate: str, value: float) -> tuple[str, Printed]:
    """The column that a rate stood in, as far as its digits tell, and what stood there."""
    itself = number(value)
    percent = _percent(value)
    if percent and (width(percent.amount.scaled(_HUNDREDTH)) >= width(ONE.over(itself.amount))):
        return _RATES[rate], percent
    return rate, itself


def _percent(rate: float) -> Printed | None:
    """The percentage kept that the rate was worked out from; None where no short one gives it."""
    kept = 100 / rate
    for decimals in range(_FINEST + 1):
        short = round(kept, decimals)
        if short > 0 and abs(100 / short - rate) <= _KEPT_TO:
            return number(short)
    return None


def width(interval: Interval | None) -> float:
    """How much an interval leaves open; without one: everything."""
    return float(interval.high - interval.low) if interval else float("inf")
