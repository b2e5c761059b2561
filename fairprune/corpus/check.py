"""What a corpus has to keep to, whoever brings a row: keys, references, bounds, and sums that have to agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from fairprune.corpus.schema import KEYS, SCHEMA, TABLES, Column, TableName
from fairprune.corpus.tables import Corpus, Part
from fairprune.errors import CorpusError, unknown

_ROUNDING = 0.011  # points: three figures with two decimals


@dataclass(frozen=True)
class Fault:
    """A row that breaks a rule: where it stood, the field, the rule's name, and what was expected."""

    place: str
    field: str
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}, {self.field}: {self.text} [{self.rule}]"


def check(corpus: Corpus, part: Part | None = None) -> None:
    """Raises CorpusError for the first fault of a corpus, with the number of others. `part` tells where rows stood."""
    found = list(faults(corpus, part.places if part else {}))
    if found:
        raise CorpusError(f"{found[0]}" + (f" (and {len(found) - 1} more)" if len(found) > 1 else ""))


def faults(corpus: Corpus, places: Mapping[tuple[TableName, tuple[str, ...]], str]) -> Iterator[Fault]:
    """Everything that is wrong with a corpus, table after table."""
    for table in TABLES:
        frame = corpus[table]
        seen = _Seen(table, frame, places)
        yield from seen.duplicates()
        for name, column in SCHEMA[table].items():
            yield from seen.column(name, column, corpus)
    yield from _sums(_Seen("results", corpus["results"], places))


@dataclass(frozen=True)
class _Seen:
    """A table, and where its rows stood."""

    table: TableName
    frame: pl.DataFrame
    places: Mapping[tuple[TableName, tuple[str, ...]], str]

    def place(self, row: Mapping[str, object]) -> str:
        key = tuple(str(row[name]) for name in KEYS[self.table])
        return self.places.get((self.table, key), f"{self.table} '{'/'.join(key)}'")

    def where(self, condition: pl.Expr) -> Iterator[Mapping[str, object]]:
        yield from self.frame.filter(condition).iter_rows(named=True)

    def duplicates(self) -> Iterator[Fault]:
        keys = KEYS[self.table]
        for row in self.where(pl.struct(keys).is_duplicated() & ~pl.struct(keys).is_first_distinct()):
            named = "/".join(str(row[name]) for name in keys)
            yield Fault(self.place(row), keys[-1], "duplicate-key", f"'{named}' stands there twice")

    def column(self, name: str, column: Column, corpus: Corpus) -> Iterator[Fault]:
        """What is missing, out of bounds, or refers to nothing."""
        value = pl.col(name)
        if column.needed:
            blank = value.is_null() | (value == "") if column.type == pl.String else value.is_null()
            for row in self.where(blank):
                yield Fault(self.place(row), name, "missing", f"expected {column.meaning}")
        if column.type.is_numeric():
            for row in self.where(~value.is_between(column.low, column.high)):
                text = f"{row[name]:g}: expected a number from {column.low:g} to {column.high:g} ({column.meaning})"
                yield Fault(self.place(row), name, "bounds", text)
        known = corpus[column.refers]["key"].to_list() if column.refers else list(column.choices)
        if known or column.refers:
            for row in self.where(value.is_not_null() & ~value.is_in(known)):
                yield Fault(self.place(row), name, "unknown-name", unknown(name, str(row[name]), known))


def _sums(results: _Seen) -> Iterator[Fault]:
    """Rates below 1, and figures of one row that contradict each other."""
    for rate in ("compression", "speedup"):
        for row in results.where(pl.col(rate) < 1):
            text = f"{row[rate]:g}: expected dense over pruned, 1 or more (2 for half)"
            yield Fault(results.place(row), rate, "ratio", text)
    for metric in ("top1", "top5"):
        off = (pl.col(metric) - pl.col(f"base_{metric}") - pl.col(f"{metric}_change")).abs() > _ROUNDING
        for row in results.where(off):
            text = (
                f"{row[f'{metric}_change']:g}, but {metric} {row[metric]:g} minus base {row[f'base_{metric}']:g} is not"
            )
            yield Fault(results.place(row), f"{metric}_change", "contradiction", text)
