"""What was taken from sealed files, noted beside them, so that only what is new or has changed is read again.

Notes are a view and never the truth: a note stands for an object as long as that has the mark (size, times of the last
change) with which its seal was checked, and as long as the code is the same. Whoever deletes the file loses time alone;
one that is damaged, of another store or of another version is made anew without a word. `Store.damaged` reads all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json

import fairprune
from fairprune.canonical import digest_bytes
from fairprune.errors import StoreError
from fairprune.files import write_bytes
from fairprune.memo import uncollected

Row = Sequence[Any]  # plain JSON values, one for each column
Mark = Sequence[int]

_LEAST = 200  # objects from which notes are worth a file
_PLAIN = {int, bool, type(None)}  # equal where they are the same; 0.0 and -0.0 are not
_FEW = 100  # objects that are rather read again than all notes written anew


def noted(path: Path, marks: Mapping[str, Mark], read: Callable[[str], Row | None]) -> dict[str, Row]:
    """The rows of all objects that give one, by name. `marks` are those of all objects that there are.

    `read` gives an object's row, or None for a damaged one; it is called for those that are new, or have changed. The
    notes of `path` are renewed where these are many, each time as a whole, so that processes do not get in each other's
    way. That they cannot be written is no error.
    """
    if len(marks) < _LEAST:
        return {name: row for name in marks if (row := read(name)) is not None}
    with uncollected():
        known, found, fresh = _read(path), dict[str, Row | None](), 0
        for name, mark in marks.items():
            before = known.get(name)
            if before is not None and before[0] == mark:
                found[name] = before[1]
            else:
                found[name] = read(name)
                fresh += 1
        if fresh > _FEW or len(known.keys() - marks.keys()) > _FEW:
            _write(path, _packed(marks, found))
    return {name: row for name, row in found.items() if row is not None}


@contextmanager
def kept(path: Path, objects: int) -> Iterator[dict[str, Any]]:
    """What was computed from so many objects, to be changed in place: by digests of all that it was computed from.

    Empty where the objects are few, and written where another key has come.
    """
    table = _table(path) if objects >= _LEAST else {}
    before = dict(table)
    yield table
    if objects >= _LEAST and table.keys() - before.keys():
        _write(path, table)


def _read(path: Path) -> dict[str, tuple[Mark, Row | None]]:
    """Every object's mark and row, None for one that was damaged; nothing where the file is not what was written."""
    table = _table(path)
    if not table:
        return {}
    rows: list[Row | None] = list(zip(*map(_unpacked, table["columns"]), strict=True))
    whole = dict(zip(table["whole"], rows, strict=True))
    marks = zip(*table["marks"], strict=True)
    return {name: (mark, whole.get(name)) for name, mark in zip(table["names"], marks, strict=True)}


def _table(path: Path) -> dict[str, Any]:
    """What was written; empty where it is not there, was damaged, or was made by other code."""
    try:
        seal, _, text = path.read_bytes().partition(b"\n")
        if seal.decode() != digest_bytes(_made_by().encode() + text):
            return {}
        table: dict[str, Any] = from_json(text, cache_strings="none")
        return table
    except (OSError, ValueError):
        return {}


def _write(path: Path, table: Mapping[str, Any]) -> None:
    text = to_json(table)
    with suppress(StoreError, OSError):
        path.parent.mkdir(exist_ok=True)
        write_bytes(path, digest_bytes(_made_by().encode() + text).encode() + b"\n" + text)


def _packed(marks: Mapping[str, Mark], rows: Mapping[str, Row | None]) -> dict[str, Any]:
    whole = {name: row for name, row in rows.items() if row is not None}
    return {
        "names": list(marks),
        "marks": list(zip(*marks.values(), strict=True)),
        "whole": list(whole),
        "columns": [_column(column) for column in zip(*whole.values(), strict=True)],
    }


def _column(values: Sequence[Any]) -> dict[str, Any]:
    """A column: values that repeat stand once, with places into them; of lists of lists, their elements."""
    if all(isinstance(value, list | tuple) and all(isinstance(e, list | tuple) for e in value) for value in values):
        of, places = _once(element for value in values for element in value)
        ends = iter(places)
        return {"of": of, "lists": [[next(ends) for _ in value] for value in values]}
    of, places = _once(values)
    return {"of": of, "at": places} if 2 * len(of) <= len(values) else {"all": values}


def _once(values: Iterable[Any]) -> tuple[list[Any], list[int]]:
    """The distinct values, and where each of all stands among them."""
    known: dict[Any, int] = {}
    distinct: list[Any] = []
    places = []
    for value in values:
        key = value if isinstance(value, str) else (value, type(value)) if value.__class__ in _PLAIN else to_json(value)
        place = known.setdefault(key, len(distinct))
        if place == len(distinct):
            distinct.append(value)
        places.append(place)
    return distinct, places


def _unpacked(column: Mapping[str, Any]) -> list[Any]:
    if "all" in column:
        return list(column["all"])
    value = column["of"].__getitem__
    if "lists" in column:
        return [[value(n) for n in places] for places in column["lists"]]
    return [value(n) for n in column["at"]]


@lru_cache(maxsize=1)
def _made_by() -> str:
    """The version, and the state of the source: who changes what is noted need not think of it."""
    folder = Path(fairprune.__file__).parent
    files = sorted((str(p.relative_to(folder)), p.stat().st_size, p.stat().st_mtime_ns) for p in folder.rglob("*.py"))
    return f"{fairprune.__version__} {digest_bytes(to_json(files))[:16]}"
