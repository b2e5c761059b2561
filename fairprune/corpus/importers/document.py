"""A TOML file about a paper: its own row, the names that it brings, and where all of it stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from fairprune.corpus.check import Fault
from fairprune.corpus.check import faults as faults_of
from fairprune.corpus.importers.lines import Lines, lines
from fairprune.corpus.importers.typed import Entry, unknown_column
from fairprune.corpus.schema import KEYS, SCHEMA, Column, TableName
from fairprune.corpus.tables import Corpus, Note, Part, merged
from fairprune.errors import CorpusError, brief, unknown

TOP = ("paper", "transcribed_by", "papers", "methods", "networks", "datasets", "tables", "recipes")
_NAMES: tuple[TableName, ...] = ("papers", "methods", "networks", "datasets")
_TYPES: Mapping[pl.DataType, tuple[tuple[type, ...], str]] = {
    pl.String(): ((str,), "text"),
    pl.Int64(): ((int,), "a whole number"),
    pl.Float64(): ((int, float), "a number"),
    pl.Boolean(): ((bool,), "true or false"),
    pl.List(pl.String()): ((list,), "a list of texts"),
}
_LINE = re.compile(r", (?:line|result) (\d+)$")


@dataclass(frozen=True)
class Document:
    """A TOML file, and where in it things stand."""

    path: Path
    text: str
    values: Mapping[str, Any]

    @cached_property
    def lines(self) -> Lines:
        """Where things stand."""
        return lines(self.text, self.path.name)

    @property
    def paper(self) -> str:
        """The key of the paper that the file is about; "" where it does not say."""
        paper = self.values.get("paper")
        key = paper.get("key") if isinstance(paper, Mapping) else None
        return key if isinstance(key, str) else ""

    @property
    def transcribed_by(self) -> str | None:
        """Who typed it in."""
        who = self.values.get("transcribed_by")
        return who if isinstance(who, str) else None

    def tables(self, name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """The tables of that name; `malformed` tells what is none."""
        listed = self.values.get(name, [])
        if isinstance(listed, list):
            yield from ((number, table) for number, table in enumerate(listed) if isinstance(table, Mapping))


@dataclass(frozen=True)
class About:
    """What a file of numbers does not say of itself: the paper that prints them, who read them, and new names."""

    origin: str
    paper: str  # "": each row names its own
    transcribed_by: str | None
    found: tuple[Entry | Fault, ...] = ()

    @staticmethod
    def of(source: Path, paper: str = "") -> About:
        """What is known of a file, or folder, beside the paper's key."""
        return About(source.stem, paper, f"read from {source.name}")

    @staticmethod
    def told(document: Document, corpus: Corpus) -> About:
        """What a TOML file with [paper] says."""
        origin = document.path.stem
        found = tuple(head(document, without(corpus, origin)))
        return About(origin, document.paper, document.transcribed_by, found)

    @property
    def broken(self) -> bool:
        """Whether anything is wrong with what was told."""
        return any(isinstance(each, Fault) for each in self.found)


def read_document(path: Path) -> Document:
    """A TOML file. Raises CorpusError where it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
        return Document(path, text, tomllib.loads(text))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path} is not valid TOML: {brief(error)}") from None
    except OSError as error:
        raise CorpusError(f"cannot read {path}: {error.strerror or brief(error)}") from None


def head(document: Document, corpus: Corpus) -> Iterator[Entry | Fault]:
    """The paper, what it is compared with, other papers, and names; what is no value of its column is left out."""
    yield from _malformed(document)
    yield from _paper(document, corpus)
    for table in _NAMES:
        for number, given in document.tables(table):
            yield from entry(document, table, number, given, SCHEMA[table])


def _malformed(document: Document) -> Iterator[Fault]:
    where = document.lines
    for key, value in document.values.items():
        place = where.place("", 0, key) if ("", 0, key) in where.found else where.place(key)
        if key not in TOP:
            yield Fault(place, key, "unknown-column", unknown("key", key, TOP))
        elif key == "transcribed_by":
            if not (isinstance(value, str) and value.strip()):
                yield Fault(place, key, "type", "expected text")
        elif key == "paper":
            if not isinstance(value, Mapping):
                yield Fault(place, key, "type", "expected a table [paper]")
        elif not (isinstance(value, list) and all(isinstance(each, Mapping) for each in value)):
            yield Fault(place, key, "type", f"expected tables [[{key}]]")
    for key, expected in (("paper", "[paper]"), ("transcribed_by", "who typed it in, above [paper]")):
        if key not in document.values:
            yield Fault(document.lines.place(""), key, "missing", f"expected {expected}")


def _paper(document: Document, corpus: Corpus) -> Iterator[Entry | Fault]:
    """The paper's row, unless it is one of the corpus, which is named by its key alone; and its comparisons."""
    given = document.values.get("paper")
    if not isinstance(given, Mapping):
        return
    compared = given.get("compares_to", [])
    row = {name: value for name, value in given.items() if name != "compares_to"}
    place = document.lines.place("paper", 0, "key")
    if not document.paper:
        yield Fault(place, "key", "missing", "expected a name that no other paper has")
    elif row.keys() == {"key"}:
        known = corpus["papers"]["key"].to_list()
        if document.paper not in known:
            text = unknown("paper", document.paper, known)
            yield Fault(place, "key", "unknown-name", f"{text}; a new one needs a title")
    else:
        yield from entry(document, "paper", 0, row, SCHEMA["papers"], "papers")
    place = document.lines.place("paper", 0, "compares_to")
    if not (isinstance(compared, list) and all(isinstance(each, str) for each in compared)):
        yield Fault(place, "compares_to", "type", "expected a list of keys of papers")
    else:
        for other in compared:
            yield Entry("comparisons", {"paper": document.paper, "compared_to": other}, place)


def entry(
    document: Document,
    header: str,
    number: int,
    given: Mapping[str, Any],
    columns: Mapping[str, Column],
    table: TableName | None = None,
) -> Iterator[Entry | Fault]:
    """A table of the file as a row. A paper is about pruning where it does not say otherwise."""
    into: TableName = table or header  # type: ignore[assignment]
    known = [name for name in columns if name != "origin"]
    row = {"pruning": True} if into == "papers" else {}
    for name, value in given.items():
        place = document.lines.place(header, number, name)
        if name not in known:
            yield unknown_column(place, name, known)
            continue
        types, expected = _TYPES[columns[name].type]
        fits = isinstance(value, types) and (bool in types or not isinstance(value, bool))
        if not fits or (isinstance(value, list) and not all(isinstance(each, str) for each in value)):
            yield Fault(place, name, "type", f"{value!r}: expected {expected}")
        else:
            row[name] = value
    yield Entry(into, row, document.lines.place(header, number))


def without(corpus: Corpus, origin: str) -> Corpus:
    """What others brought."""
    return merged(corpus, Part(origin, {}))


def part_of(origin: str, found: Iterable[Entry | Fault], notes: tuple[Note, ...] = ()) -> Part:
    """What was read, as a part."""
    rows: dict[TableName, list[Mapping[str, Any]]] = {}
    places = {}
    for each in found:
        if isinstance(each, Entry):
            rows.setdefault(each.table, []).append(each.row)
            places[each.table, tuple(str(each.row.get(name)) for name in KEYS[each.table])] = each.place
    return Part(origin, rows, notes, places)


def with_table(part: Part, table: TableName, rows: pl.DataFrame, places: Iterable[str]) -> Part:
    """The part with these rows of a table, which stood at these places, instead of those that it has."""
    keys = rows.select(KEYS[table]).iter_rows()
    there = {(table, key): place for key, place in zip(keys, places, strict=True)}
    return replace(part, rows={**part.rows, table: rows}, places={**part.places, **there})


def judged(part: Part, faults: Sequence[Fault], corpus: Corpus | None) -> list[Fault]:
    """Faults of reading and, given a corpus, those that it has with the part; in the order of lines."""
    found = [*faults, *(faults_of(merged(corpus, part), part.places) if corpus else ())]
    return sorted(found, key=lambda fault: int(at[1]) if (at := _LINE.search(fault.place)) else 0)


def refuse(faults: Sequence[Fault]) -> None:
    """Raises CorpusError for the first of the faults, with the number of others."""
    if faults:
        more = f" (and {len(faults) - 1} more: `fairprune corpus check` lists them)" if faults[1:] else ""
        raise CorpusError(f"{faults[0]}{more}")
