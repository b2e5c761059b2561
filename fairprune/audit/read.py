"""Results out of a file: CSV, or JSON with the same keys. What cannot be read is named, and left out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairprune.audit.columns import COLUMNS
from fairprune.audit.result import Kind, Result
from fairprune.audit.rows import Problem, Row, csv_rows, json_rows
from fairprune.audit.spelling import spelling
from fairprune.errors import SpecError, brief

SUFFIXES = (".csv", ".json")
CONVENTION = "relative to the dense network: 1 in pretraining and pruning, 1/speedup in retraining and for scratch"

_FOREIGN = re.compile(r"[\ud800-\udfff]")  # what stands for bytes that are not UTF-8
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SPELT = ("dataset", "network")


@dataclass(frozen=True)
class Table:
    """The results of a file, and what of it could not be read."""

    results: tuple[Result, ...]
    problems: tuple[Problem, ...]


def read_results(path: Path) -> Table:
    """The results in a file. A row with a cell that cannot be read is left out, and named as a problem.

    Data sets and networks that differ in case, hyphens, underscores or spaces alone take the spelling that comes first.
    Raises SpecError where there is no such file, or no result in it can be read.
    """
    table = _table(read_rows(path))
    if not table.results:
        raise SpecError(f"no results in {path}" + (f"; {table.problems[0]}" if table.problems else ""))
    return table


def read_rows(path: Path, columns: Collection[str] = COLUMNS) -> Iterator[Row | Problem]:
    """The rows of a file with these columns, as texts. Raises SpecError where it cannot be read at all."""
    if path.suffix.lower() == ".toml":
        raise SpecError(f"{path} is no table of results: expected a file {' or '.join(SUFFIXES)}")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise SpecError(f"no file {path}") from None
    except OSError as error:
        raise SpecError(f"cannot read {path}: {error.strerror or brief(error)}") from None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or 0 in data[:4]:
        raise SpecError(f"{path}, line 1: UTF-16, or no text at all; expected UTF-8")
    text = data.decode("utf-8-sig", errors="surrogateescape")
    return (json_rows if path.suffix.lower() == ".json" else csv_rows)(text, path.name, columns)


def _table(rows: Iterable[Row | Problem]) -> Table:
    results: dict[str, Result] = {}
    problems: list[Problem] = []
    places: dict[str, str] = {}
    spellings: dict[str, str] = {}
    for row in rows:
        if isinstance(row, Problem):
            problems.append(row)
            continue
        values, found = _values(row, spellings)
        name = values.get("id", "")
        if not found and name in places:
            found = [Problem(row.place, "id", f"'{name}' is the id of {places[name].rpartition(', ')[2]} too")]
        if not found:
            try:
                results[name] = printed(values)
            except SpecError as error:
                found = [Problem(row.place, None, str(error))]
        if name:
            places.setdefault(name, row.place)
        problems += found
    return Table(tuple(results.values()), tuple(problems))


def _values(row: Row, spellings: dict[str, str]) -> tuple[dict[str, Any], list[Problem]]:
    """The values of the cells that are not blank, and what is wrong with the others."""
    values: dict[str, Any] = {}
    problems = []
    for column, cell in {"id": "", **row.cells}.items():
        text = " ".join(cell.split())
        try:
            if text:
                values[column] = _value(column, text)
            elif column == "id":
                raise SpecError("blank; expected a name for the row")
        except SpecError as error:
            problems.append(Problem(row.place, column, str(error)))
    for column in values.keys() & _SPELT:
        values[column] = spellings.setdefault(f"{column} {spelling(values[column])}", values[column])
    return values, problems


def _value(column: str, text: str) -> Any:
    return COLUMNS[column].read(plain(text))


def plain(text: str) -> str:
    """The text. Raises SpecError for one that cannot be shown."""
    if _FOREIGN.search(text):
        raise SpecError("not UTF-8; save the file in that encoding")
    if _CONTROL.search(text):
        raise SpecError("holds a control character")
    return text


def printed(values: Mapping[str, Any]) -> Result:
    """A result out of print, from its fields: with what follows from its kind, and multiply-adds from its speedup.

    Raises SpecError where they contradict each other.
    """
    kind: Kind = values.get("kind", "prune")
    rates = {rate: values.get(rate) for rate in ("compression", "speedup")}
    if kind == "dense":  # nothing is removed: known
        for rate, value in rates.items():
            if value not in (None, 1):
                raise SpecError(f"result '{values['id']}': {rate} of a dense network is {value:g}; expected 1")
            rates[rate] = 1.0
    small = 1 / rates["speedup"] if rates["speedup"] else None
    first, last = (small, None) if kind == "scratch" else (1.0, small)
    macs = {"pretrain_macs": first, "prune_macs": 1.0, "retrain_macs": last}
    return Result(**{**values, **rates, **macs})
