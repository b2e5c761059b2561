"""Rows of a file of results, as texts by column: out of CSV, or out of JSON with the same keys."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from fairprune.audit.columns import COLUMNS
from fairprune.errors import SpecError, unknown

_DELIMITERS = (",", ";", "\t")  # no column's name holds one, so the header tells which it is


@dataclass(frozen=True)
class Problem:
    """What could not be read, and where: the place is `FILE, line 3` or `FILE, result 3`."""

    place: str
    column: str | None
    text: str

    def __str__(self) -> str:
        return f"{self.place}{f', column {self.column}' if self.column else ''}: {self.text}"


@dataclass(frozen=True)
class Row:
    """The texts of one row by column; "" where a cell is blank."""

    number: int  # its line; in JSON its place in the list
    place: str
    cells: Mapping[str, str]


def csv_rows(
    text: str, name: str, columns: Collection[str] = COLUMNS, needed: Sequence[str] = ("id",)
) -> Iterator[Row | Problem]:
    """Rows under a header. Cells are separated by commas, semicolons or tabs, and may be quoted."""
    header: list[str] | None = None
    known: Sequence[tuple[int, str]] = ()
    nameless: Sequence[int] = ()
    for line, cells in _records(text):
        place = f"{name}, line {line}"
        if isinstance(cells, str):
            yield Problem(place, None, cells)
        elif not any(map(str.strip, cells)):
            continue
        elif header is None:
            header = [cell.strip() for cell in cells]
            known, nameless = _columns(header, columns)
            yield from _header_problems(header, place, columns, needed)
        elif len(cells) != len(header):
            yield _ragged(header, cells, place)
        elif stray := [number for number in nameless if cells[number].strip()]:
            yield Problem(place, str(stray[0] + 1), "a cell under no column's name")
        else:
            yield Row(line, place, {column: cells[number] for number, column in known})


def _records(text: str) -> Iterator[tuple[int, list[str] | str]]:
    """First line of each record, and its cells or what is wrong with it; then it goes on with the next line."""
    lines = io.StringIO(text, newline="").readlines()
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    start = 0
    while start < len(lines):
        reader = csv.reader(islice(lines, start, None), delimiter=delimiter, strict=True, skipinitialspace=True)
        read = 0
        try:
            for cells in reader:
                yield start + read + 1, cells
                read = reader.line_num
        except csv.Error as error:
            yield start + read + 1, f"quotes that do not pair up, or too long a cell ({error})"
            read += 1
        start += read


def _header_problems(
    header: Sequence[str], place: str, columns: Collection[str], needed: Sequence[str]
) -> Iterator[Problem]:
    for name in needed:
        if name not in header:
            yield Problem(place, name, f"missing; {_said(', '.join(header))} are there")
    for name, count in Counter(header).items():
        if name and name not in columns:
            yield Problem(place, _said(name), unknown("column", _said(name), columns))
        elif name and count > 1:
            yield Problem(place, name, f"given {count} times")


def _ragged(header: Sequence[str], cells: Sequence[str], place: str) -> Problem:
    short = len(cells) < len(header)
    hint = "" if short else "; a cell that holds a separator needs quotes"
    return Problem(
        place, header[len(cells)] if short else header[-1], f"{len(cells)} cells, expected {len(header)}{hint}"
    )


def _columns(header: Sequence[str], columns: Collection[str]) -> tuple[Sequence[tuple[int, str]], Sequence[int]]:
    """The columns that are known and there once, by number, and the numbers of those without a name."""
    times = Counter(header)
    known = [(number, name) for number, name in enumerate(header) if name in columns and times[name] == 1]
    return known, [number for number, name in enumerate(header) if not name]


def json_rows(text: str, name: str, columns: Collection[str] = COLUMNS) -> Iterator[Row | Problem]:
    """Rows of a list of objects, or of one under "results". Raises SpecError where it is neither."""
    try:
        document = json.loads(text, parse_constant=str, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise SpecError(f"{name}, line {error.lineno}: no valid JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise SpecError(f"{name}: no JSON that can be read ({type(error).__name__})") from None
    rows = document.get("results") if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise SpecError(f'{name}: expected a list of objects, or {{"results": [...]}}')
    for number, row in enumerate(rows, 1):
        yield from _object(row, number, f"{name}, result {number}", columns)


def _object(row: Any, number: int, place: str, columns: Collection[str]) -> Iterator[Row | Problem]:
    if not isinstance(row, dict):
        yield Problem(place, None, "expected an object with the keys id, method ...")
        return
    for key in row:
        if key not in columns:
            yield Problem(place, _said(key), unknown("key", _said(key), columns))
    cells = {key: value for key, value in row.items() if key in columns}
    nested = [key for key, value in cells.items() if isinstance(value, bool | list | dict)]
    for key in nested:
        yield Problem(place, key, "expected text, a number or null")
    if not nested:
        yield Row(number, place, {key: _text(value) for key, value in cells.items()})


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for key, count in Counter(key for key, _ in pairs).items():
        if count > 1:
            raise SpecError(f"the key '{_said(key)}' stands {count} times in one object")
    return dict(pairs)


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else repr(value)


def _said(text: str) -> str:
    """The text as it can be printed, whatever bytes it came from."""
    return text.encode("utf-8", "replace").decode()
