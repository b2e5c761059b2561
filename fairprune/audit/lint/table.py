"""Tables for the linter: the columns of the audit's files and those that only tables in print have, as printed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fairprune.audit.columns import COLUMNS as AUDITED
from fairprune.audit.columns import PERCENT, TIMES
from fairprune.audit.lint.printed import Printed, read
from fairprune.audit.read import plain, read_rows
from fairprune.audit.rows import Problem, Row
from fairprune.audit.spelling import spelling
from fairprune.errors import SpecError

_PERCENT, _FACTOR = partial(read, units=PERCENT), partial(read, units=TIMES)
_whole = AUDITED["seeds"].read

NUMBERS: Mapping[str, Callable[[str], Printed]] = MappingProxyType(
    {
        "base_top1": _PERCENT,
        "top1": _PERCENT,
        "top1_std": _PERCENT,
        "top5": _PERCENT,
        "drop_top1": _PERCENT,
        "delta_top1": _PERCENT,
        "compression": _FACTOR,
        "speedup": _FACTOR,
        "params_m": read,
        "params_m_base": read,
        "params_kept_pct": _PERCENT,
        "macs_g": read,
        "macs_kept_pct": _PERCENT,
        "macs_g_base": read,
    }
)
MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "drop_top1": "base minus pruned accuracy, percentage points",
        "delta_top1": "pruned minus base accuracy, percentage points",
        "params_m": "parameters of the pruned network, millions",
        "params_kept_pct": "percentage of the base network's parameters that is kept",
        "macs_g": "multiply-adds of the pruned network, 10^9",
        "macs_kept_pct": "percentage of the base network's multiply-adds that is kept",
        "rank": "place by accuracy (or its change) among the rows of the group, 1 for the best",
        "group": "the table or board that the row stands in; rows without one belong together by `source`",
    }
)
_READ: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {**NUMBERS, "rank": _whole, **{name: AUDITED[name].read for name in ("kind", "seeds", "selected_on")}}
)
COLUMNS = (*AUDITED, *MEANINGS)
_FIELDS = ("id", "rank", "seeds", "kind", "selected_on")


@dataclass(frozen=True)
class Entry:
    """One row: its line, and its cells. Numbers are as printed; what the linter does not look at is text."""

    line: int
    id: str
    numbers: Mapping[str, Printed] = field(default_factory=dict)
    rank: int | None = None
    seeds: int | None = None
    kind: str = "prune"
    selected_on: str | None = None
    texts: Mapping[str, str] = field(default_factory=dict)

    def number(self, column: str) -> Printed | None:
        """The number in a column; None where the cell is blank."""
        return self.numbers.get(column)

    def text(self, column: str) -> str:
        """The text in a column; "" where the cell is blank."""
        return self.texts.get(column, "")

    @cached_property
    def board(self) -> str:
        """The table that the row stands in."""
        return self.text("group") or self.text("source")

    @cached_property
    def network(self) -> tuple[str, str, str]:
        """What has one base network: the table, with data set and network where they are given."""
        return self.board, spelling(self.text("dataset").partition("@")[0]), spelling(self.text("network"))


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a file, and what of it could not be read. A table equals itself alone, so it can be a key."""

    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...] = ()

    @cached_property
    def boards(self) -> Mapping[str, tuple[Entry, ...]]:
        """The rows of each table or board in the file."""
        return _grouped(self.entries, lambda entry: entry.board)

    @cached_property
    def networks(self) -> Mapping[tuple[str, str, str], tuple[Entry, ...]]:
        """The rows of each base network."""
        return _grouped(self.entries, lambda entry: entry.network)

    def base(self, entry: Entry, column: str) -> Printed | None:
        """The size of the entry's base network: its own cell, or the only value among the rows of that network."""
        own = entry.number(column)
        return own or self._bases.get((entry.network, column))

    @cached_property
    def _bases(self) -> Mapping[tuple[tuple[str, str, str], str], Printed]:
        found = {}
        for network, entries in self.networks.items():
            for column in ("params_m_base", "macs_g_base"):
                stated = {number.value: number for entry in entries if (number := entry.number(column))}
                if len(stated) == 1:
                    found[network, column] = next(iter(stated.values()))
        return found


def read_table(path: Path) -> Table:
    """The rows of a file. A row with a cell that cannot be read is left out, and named as a problem.

    Raises SpecError where there is no such file, or no row in it can be read.
    """
    entries: dict[str, Entry] = {}
    places: dict[str, str] = {}
    problems: list[Problem] = []
    for row in read_rows(path, COLUMNS):
        if isinstance(row, Problem):
            problems.append(row)
            continue
        found = _entry(row)
        if isinstance(found, Entry) and found.id in entries:
            found = [Problem(row.place, "id", f"'{found.id}' is the id of {places[found.id].rpartition(', ')[2]} too")]
        if isinstance(found, Entry):
            entries[found.id], places[found.id] = found, row.place
        else:
            problems += found
    if not entries:
        raise SpecError(f"no results in {path}" + (f"; {problems[0]}" if problems else ""))
    return Table(tuple(entries.values()), tuple(problems))


def _entry(row: Row) -> Entry | list[Problem]:
    values, problems = {}, []
    for column, cell in {"id": "", **row.cells}.items():
        text = " ".join(cell.split())
        try:
            if text:
                values[column] = _read(column, plain(text))
            elif column == "id":
                raise SpecError("blank; expected a name for the row")
        except SpecError as error:
            problems.append(Problem(row.place, column, str(error)))
    return problems or _made(row.number, values)


def _read(column: str, text: str) -> Any:
    return _READ[column](text) if column in _READ else text


def _made(line: int, values: Mapping[str, Any]) -> Entry:
    fields = {name: values[name] for name in _FIELDS if name in values}
    numbers = {column: value for column, value in values.items() if column in NUMBERS}
    texts = {column: value for column, value in values.items() if column not in _READ}
    return Entry(line, numbers=numbers, texts=texts, **fields)


def _grouped(entries: Iterable[Entry], key: Callable[[Entry], Any]) -> Mapping[Any, tuple[Entry, ...]]:
    groups: defaultdict[Any, list[Entry]] = defaultdict(list)
    for found in entries:
        groups[key(found)].append(found)
    return {name: tuple(group) for name, group in groups.items()}


def table_of(*rows: Mapping[str, str], **shared: str) -> Table:
    """A table of rows that share some cells, numbered from line 2, as below a header; without an id: their method."""
    cells = [{"id": row.get("method", f"row-{n}"), **shared, **row} for n, row in enumerate(rows, 2)]
    values = [{column: _read(column, text) for column, text in row.items()} for row in cells]
    return Table(tuple(_made(n, row) for n, row in enumerate(values, 2)))
