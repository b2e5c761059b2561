"""Rules about changes of accuracy: are they the difference of the two accuracies beside them, and of its sign?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fairprune.audit.lint.finding import Case, Rule, Said
from fairprune.audit.lint.printed import Interval, Printed, shown
from fairprune.audit.lint.table import Entry, Table, table_of

COLUMNS = {"drop_top1": ("base_top1", "top1"), "delta_top1": ("top1", "base_top1")}
_ENOUGH = 2  # rows against the column's meaning that make a convention


@dataclass(frozen=True)
class _Change:
    """A printed change, and the accuracies that it should be the difference of."""

    entry: Entry
    column: str
    printed: Printed
    minuend: Printed
    subtrahend: Printed

    @property
    def computed(self) -> Interval:
        return self.minuend.interval - self.subtrahend.interval

    def fits(self, sign: int) -> bool:
        """Whether the printed number is the difference (1), or the difference with the other sign (-1)."""
        return (self.printed.interval if sign > 0 else -self.printed.interval).meets(self.computed)

    def said(self, sign: int) -> str:
        """The arithmetic in words, under the sign convention."""
        first, second = (self.minuend, self.subtrahend)[::sign]
        decimals = max(first.decimals, second.decimals)
        return f"{first} - {second} is {shown(first.value - second.value, decimals, signed=True)}"


def _changes(entries: Sequence[Entry], column: str) -> Iterator[_Change]:
    minuend, subtrahend = COLUMNS[column]
    for entry in entries:
        numbers = [entry.number(name) for name in (column, minuend, subtrahend)]
        if None not in numbers:
            yield _Change(entry, column, *(number for number in numbers if number))


def _sign(entries: Sequence[Entry], column: str) -> int:
    """The table's sign convention: what most rows follow that tell; -1 is against the column's meaning.

    A single row that tells does not make a convention, unless it is a loss and most others have its sign.
    """
    changes = list(_changes(entries, column))
    usual = [change for change in changes if change.fits(1) and not change.fits(-1)]
    other = [change for change in changes if change.fits(-1) and not change.fits(1)]
    enough = len(other) >= _ENOUGH or (len(other) == 1 and _alike(entries, other[0]))
    return -1 if len(other) > len(usual) and enough else 1


def _alike(entries: Sequence[Entry], change: _Change) -> bool:
    """Whether the change is a loss, and most others in its column have its sign."""
    numbers = (entry.number(change.column) for entry in entries if entry is not change.entry)
    positive = [number.value > 0 for number in numbers if number and number.value]
    loss = (change.subtrahend.value < change.minuend.value) == (change.column == "drop_top1")
    return loss and 2 * positive.count(change.printed.value > 0) > len(positive)


def _judged(rows: Table) -> Iterator[tuple[_Change, int]]:
    """The changes that are not what the table's convention makes of the accuracies, with that convention."""
    for entries in rows.boards.values():
        for column in COLUMNS:
            sign = _sign(entries, column)
            yield from ((change, sign) for change in _changes(entries, column) if not change.fits(sign))


def _wrong_change(rows: Table) -> Iterator[Said]:
    for change, sign in _judged(rows):
        if not change.fits(-sign):
            off = "the digits printed allow " + str(change.computed if sign > 0 else -change.computed)
            yield [change.entry], f"{change.column} is {change.printed}, but {change.said(sign)} ({off})"


def _wrong_sign(rows: Table) -> Iterator[Said]:
    for change, sign in _judged(rows):
        if change.fits(-sign):
            whose = "" if sign > 0 else " as most rows of its table have it"
            said = f"{change.column} is {change.printed}, but {change.said(sign)}{whose}"
            yield [change.entry], f"{said}: the sign is against the arithmetic"


def _drop_against_delta(rows: Table) -> Iterator[Said]:
    for entries in rows.boards.values():
        sign = _sign(entries, "drop_top1") * _sign(entries, "delta_top1")
        for entry in entries:
            drop, delta = entry.number("drop_top1"), entry.number("delta_top1")
            known = entry.number("base_top1") and entry.number("top1")
            if drop and delta and not known:
                opposite = -delta.interval if sign > 0 else delta.interval
                if not drop.interval.meets(opposite):
                    yield [entry], f"drop_top1 is {drop}, but delta_top1 is {delta}: one of them is wrong"


_SHARED = {"dataset": "CIFAR-10", "network": "ResNet-56", "group": "A"}

RULES = (
    Rule(
        id="wrong-change",
        severity="unfair",
        reason="A drop or change that is not the difference of the two accuracies beside it misleads about both.",
        check=_wrong_change,
        violation=Case(
            "From 93.53 to 93.77 as +0.38 (in print: DepGraph, arXiv:2301.12900).",
            table_of({"method": "DepGraph", "base_top1": "93.53", "top1": "93.77", "delta_top1": "+0.38"}, **_SHARED),
        ),
        passing=Case(
            "From 93.53 to 93.77 as +0.2: with one decimal, that may be.",
            table_of({"method": "DepGraph", "base_top1": "93.53", "top1": "93.77", "delta_top1": "+0.2"}, **_SHARED),
        ),
    ),
    Rule(
        id="wrong-sign",
        severity="caution",
        reason="A change whose sign is not that of the arithmetic, or of its table, reads a loss as a gain.",
        check=_wrong_sign,
        violation=Case(
            "From 93.59 to 93.36 as +0.23, where others' losses are negative (in print: Torch-Pruning's table).",
            table_of(
                {"method": "FPGM", "base_top1": "93.59", "top1": "93.26", "delta_top1": "-0.33"},
                {"method": "SFP", "base_top1": "93.59", "top1": "93.36", "delta_top1": "+0.23"},
                **_SHARED,
            ),
        ),
        passing=Case(
            "A table whose changes are base minus pruned throughout has a convention of its own.",
            table_of(
                {"method": "FPGM", "base_top1": "93.59", "top1": "93.26", "delta_top1": "0.33"},
                {"method": "SFP", "base_top1": "93.59", "top1": "93.36", "delta_top1": "0.23"},
                **_SHARED,
            ),
        ),
    ),
    Rule(
        id="drop-against-delta",
        severity="caution",
        reason="A drop and a change of one row say the same thing twice, with opposite signs.",
        check=_drop_against_delta,
        violation=Case(
            "A drop of 0.33 beside a change of -0.23.",
            table_of({"method": "SFP", "drop_top1": "0.33", "delta_top1": "-0.23"}),
        ),
        passing=Case(
            "A drop of 0.23 beside a change of -0.23.",
            table_of({"method": "SFP", "drop_top1": "0.23", "delta_top1": "-0.23"}),
        ),
    ),
)
