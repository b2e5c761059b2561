"""Rows that people wrote, as rows of the table `results`: all that is wrong with them is said, each with its place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
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
WRONG = ""  # stands for a column
_EXPECTED = {"paper": "a column with its key, --paper or --about", "source": SCHEMA["results"]["source"].meaning}
EPOCHS = {f"{stage}_schedule": f"{stage}_epochs" for stage in STAGES}
_NO_NAMES = Names({}, {}, {})

Read = Callable[[str, str], Mapping[str, Any]]

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
    read = lru_cache(maxsize=1 << 16)(partial(meaning, naming))  # most cells of a column are alike
    seen: dict[str, str] = {}
    numbers: Counter[tuple[str, str]] = Counter()
    for table in tables:
        common, faults = _values(table.common, table.place, read)
        yield from faults
        said: set[Fault] = set()
        for row in table.rows:
            if isinstance(row, Problem):
                yield _fault(row)
                continue
            told, faults = _values(row.cells, _always(row.place), read)
            values = {"kind": "prune", **common, **told, "transcribed_by": table.transcribed_by}
            _complete(values, numbers)
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


def meaning(naming: Mapping[Named, Naming], column: str, cell: str) -> Mapping[str, Any]:
    """What a cell says by columns of `results`, or as a text by its own column where keys are made of that.

    Nothing where it is blank. What is wrong with it stands under `WRONG`.
    """
    text = _line(cell)
    if not text:
        return {}
    apart = {column: text} if column in _APART else {}
    try:
        said = {column: plain(text)} if apart else read_cell(column, text)
        return {what: naming[what].key(what, said[what]) for what in NAMED if what == column} or said
    except SpecError as error:
        return {**apart, WRONG: str(error)}


def _values(cells: Mapping[str, str], place: Callable[[str], str], read: Read) -> tuple[dict[str, Any], list[Fault]]:
    """What cells say, and what is wrong with them."""
    values: dict[str, Any] = {}
    faults = []
    for column, said in zip(cells, map(read, cells, cells.values()), strict=True):
        for name, value in said.items():
            if name == WRONG:
                faults.append(Fault(place(column), column, rule(column), value))
            elif values.setdefault(name, value) != value:
                by = next(other for other in cells if name in read(other, cells[other]))
                first = f"'{by}' makes it {_shown(values[name])}"
                text = f"'{_line(cells[column])}' makes {name} {_shown(value)}, but {first}"
                faults.append(Fault(place(column), column, "contradiction", text))
    return values, faults


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _complete(values: dict[str, Any], numbers: Counter[tuple[str, str]]) -> None:
    """Puts in key and source, and the epochs that schedules tell; counts the rows of a paper's source."""
    id, paper, source = values.pop("id", ""), values.get("paper", ""), values.get("source", "")
    numbers[paper, source] += 1
    number = str(numbers[paper, source])
    for schedule, epochs in EPOCHS.items():
        if schedule in values and epochs not in values:
            values[epochs] = AUDIT[schedule].read(values[schedule]).total
    key = [paper, slug(source), slug(id) or number, *([str(values["replicate"])] if "replicate" in values else ())]
    values.setdefault("key", "/".join(key))
    values["paper"] = paper or None
    values["source"] = f"{source}, {id or f'row {number}'}" if source else None


def _against_itself(values: Mapping[str, Any], place: str) -> list[Fault]:
    """What keeps the audit from reading a row."""
    try:
        as_result(values, _NO_NAMES)
    except SpecError as error:
        return [Fault(place, "row", "contradiction", str(error).partition(": ")[2])]
    return []


def _missing(values: Mapping[str, Any], row: Row, table: Rows) -> Iterator[Fault]:
    """A column that all rows need, and that stands neither in the row nor above it."""
    for name, what in _EXPECTED.items():
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
