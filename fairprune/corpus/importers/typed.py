"""Rows that people wrote, as rows of the table `results`: all that is wrong with them is said, each with its place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fairprune.audit.columns import COLUMNS as AUDIT
from fairprune.audit.read import plain
from fairprune.audit.result import STAGES
from fairprune.audit.rows import Problem, Row
from fairprune.corpus.audited import as_result
from fairprune.corpus.check import Fault
from fairprune.corpus.importers.cells import CELLS, read_cell, rule
from fairprune.corpus.names import Names
from fairprune.corpus.naming import NAMED, Named, Naming
from fairprune.corpus.schema import SCHEMA, TableName
from fairprune.errors import SpecError, unknown

COLUMNS = ("id", "source", *CELLS)
_APART = ("id", "source", "paper")
_NO_NAMES = Names({}, {}, {})
_OTHER = re.compile(r"[^a-z0-9.+]+")


@dataclass(frozen=True)
class Entry:
    """A row of a table of the corpus, and where it stood."""

    table: TableName
    row: Mapping[str, Any]
    place: str


@dataclass(frozen=True)
class Rows:
    """Rows as texts, with what holds for all of them: texts of columns that a row may overrule."""

    rows: Iterable[Row | Problem]
    common: Mapping[str, str]
    place: Callable[[str], str]  # where a column of `common` stands
    transcribed_by: str | None


def slug(text: str) -> str:
    """A text as a part of a key."""
    return _OTHER.sub("-", text.casefold()).strip("-")


def entries(tables: Iterable[Rows], naming: Mapping[Named, Naming]) -> Iterator[Entry | Fault]:
    """The results in tables; a row with a fault is left out. Keys are made of paper, source, and id or number.

    A row's `paper` and `source` are those of its table, where it has none of its own.
    """
    seen: dict[str, str] = {}
    numbers: Counter[tuple[str, str]] = Counter()
    for table in tables:
        common, faults = _values(table.common, table.place, naming)
        yield from faults
        said: set[Fault] = set()
        for row in table.rows:
            if isinstance(row, Problem):
                yield _fault(row)
                continue
            apart = {name: _line(row.cells.get(name)) or _line(table.common.get(name)) for name in _APART}
            number = (apart["paper"], apart["source"])
            numbers[number] += 1
            values, faults = _values(row.cells, _always(row.place), naming)
            values = _full(common | values, apart, numbers[number]) | {"transcribed_by": table.transcribed_by}
            faults = faults or _against_itself(values, row.place)
            faults += [*_missing(values, row, table), *_again(values["key"], row.place, seen)]
            yield from (fault for fault in faults if fault not in said)
            said.update(faults)
            if not faults:
                yield Entry("results", values, row.place)


def _always(place: str) -> Callable[[str], str]:
    return lambda _column: place


def _line(cell: str | None) -> str:
    return " ".join((cell or "").split())


def _fault(problem: Problem) -> Fault:
    column = problem.column or "row"
    stray = problem.column is not None and problem.column not in (*COLUMNS, "paper")
    return Fault(problem.place, column, "unknown-column" if stray else "row", problem.text)


def _values(
    cells: Mapping[str, str], place: Callable[[str], str], naming: Mapping[Named, Naming]
) -> tuple[dict[str, Any], list[Fault]]:
    """What cells that are not blank say, by columns of `results`, and what is wrong with them."""
    values: dict[str, Any] = {}
    by: dict[str, str] = {}
    faults = []
    for column, cell in cells.items():
        text = _line(cell)
        if not text:
            continue
        try:
            if column in _APART:
                plain(text)
                continue
            read = read_cell(column, text)
            read = {what: naming[what].key(what, read[what]) for what in NAMED if what == column} or read
        except SpecError as error:
            faults.append(Fault(place(column), column, rule(column), str(error)))
            continue
        for name, value in read.items():
            if values.setdefault(name, value) != value:
                said = f"'{text}' makes {name} {_shown(value)}, but '{by[name]}' makes it {_shown(values[name])}"
                faults.append(Fault(place(column), column, "contradiction", said))
            by.setdefault(name, column)
    return values, faults


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _full(values: Mapping[str, Any], apart: Mapping[str, str], number: int) -> dict[str, Any]:
    """With kind, paper, source, key, and the epochs that schedules tell."""
    full = {"kind": "prune", **values}
    for stage in STAGES:
        if f"{stage}_schedule" in full:
            full.setdefault(f"{stage}_epochs", AUDIT[f"{stage}_schedule"].read(full[f"{stage}_schedule"]).total)
    parts = [apart["paper"], slug(apart["source"]), slug(apart["id"]) or str(number)]
    parts += [str(full["replicate"])] if "replicate" in full else []
    source = f"{apart['source']}, {apart['id'] or f'row {number}'}" if apart["source"] else None
    return {"key": "/".join(parts), **full, "paper": apart["paper"] or None, "source": source}


def _against_itself(values: Mapping[str, Any], place: str) -> list[Fault]:
    """What keeps the audit from reading a row."""
    try:
        as_result(values, _NO_NAMES)
    except SpecError as error:
        return [Fault(place, "row", "contradiction", str(error).partition(": ")[2])]
    return []


def _missing(values: Mapping[str, Any], row: Row, table: Rows) -> Iterator[Fault]:
    """A column that all rows need, and that stands neither in the row nor above it."""
    expected = {"paper": "a column with its key, --paper or --about", "source": SCHEMA["results"]["source"].meaning}
    for name, what in expected.items():
        if values[name] is None:
            place = row.place if name in row.cells else table.place(name)
            yield Fault(place, name, "missing", f"expected {what}")


def _again(key: str, place: str, seen: dict[str, str]) -> list[Fault]:
    """Whether a row before it has the key; notes it where none does."""
    first = seen.setdefault(key, place)
    if first == place:
        return []
    return [Fault(place, "key", "duplicate-key", f"'{key}' is the key of {first.rpartition(', ')[2]} too")]


def unknown_column(place: str, column: str, known: Iterable[str]) -> Fault:
    """A column, or a key, that means nothing here."""
    return Fault(place, column, "unknown-column", unknown("column", column, known))
