"""Sources read into a corpus, and the report of what had to be interpreted or left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Literal

from fairprune.corpus.check import check
from fairprune.corpus.importers.known import read_source
from fairprune.corpus.schema import TableName
from fairprune.corpus.tables import Corpus, Note, Part, merged
from fairprune.memo import uncollected

_LINE = re.compile(r"(.*), line (\d+)")


@dataclass(frozen=True)
class Imported:
    """A corpus with the rows of sources in it, and these rows by origin."""

    corpus: Corpus
    parts: tuple[Part, ...]

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was interpreted or left out."""
        return tuple(chain.from_iterable(part.notes for part in self.parts))

    @property
    def rows(self) -> Mapping[str, Mapping[TableName, int]]:
        """Numbers of rows by origin and table."""
        return {part.origin: {table: len(rows) for table, rows in part.rows.items()} for part in self.parts}


@dataclass(frozen=True)
class Told:
    """One thing that was done at many places of a file."""

    what: Literal["left out", "interpreted"]
    file: str
    lines: tuple[int, ...]
    fields: tuple[str, ...]
    text: str

    @property
    def where(self) -> str:
        """The file and its lines, as in `results.csv, lines 3-5 and 9`."""
        spans = list(_spans(set(self.lines)))
        joined = " and ".join(part for part in (", ".join(spans[:-1]), spans[-1] if spans else "") if part)
        return f"{self.file}, line{'s' if len(spans) > 1 or '-' in spans[0] else ''} {joined}" if spans else self.file


def import_sources(corpus: Corpus, sources: Iterable[Path], paper: str = "", about: Path | None = None) -> Imported:
    """The corpus with the rows of each source instead of those that its origins had.

    `paper` and `about` say of which paper sources are that do not say so themselves (`known.read_source`).
    Raises CorpusError for a source that no importer knows, or that cannot be read, and for rows that break a rule.
    """
    parts: list[Part] = []
    with uncollected():
        for source in sources:
            for part in read_source(source, corpus, paper, about):
                corpus = merged(corpus, part)
                parts.append(part)
        places = {key: place for part in parts for key, place in part.places.items()}
        check(corpus, Part("", {}, (), places))
    return Imported(corpus, tuple(parts))


def told(notes: Iterable[Note]) -> list[Told]:
    """Notes by what they say: first what was left out; in the order in which they come otherwise."""
    found: dict[tuple[str, str, str], Told] = {}
    for note in notes:
        match = _LINE.fullmatch(note.place)
        file, line = (match[1], (int(match[2]),)) if match else (note.place, ())
        so_far = found.get((note.what, file, note.text), Told(note.what, file, (), (), note.text))
        fields = so_far.fields if note.field is None or note.field in so_far.fields else (*so_far.fields, note.field)
        found[note.what, file, note.text] = replace(so_far, lines=(*so_far.lines, *line), fields=fields)
    return sorted(found.values(), key=lambda each: each.what != "left out")


def markdown(imported: Imported) -> str:
    """The report as a page: rows by origin, then what was left out, then what was interpreted."""
    head = "# What an import left out or interpreted\n\nWritten by `fairprune corpus import SOURCES --report FILE`.\n"
    blocks = [head, "| origin | rows |\n|---|---|\n" + "".join(_rows(imported.rows))]
    everything = told(imported.notes)
    for what, title in (("left out", "Left out"), ("interpreted", "Interpreted")):
        listed = [f"- {_escaped(line_of(each))}\n" for each in everything if each.what == what]
        blocks.append(f"## {title}\n\n" + ("".join(listed) or "Nothing.\n"))
    return "\n".join(blocks)


def line_of(each: Told) -> str:
    """One line: where, which fields, and what."""
    fields = f" ({', '.join(each.fields)})" if each.fields else ""
    return f"{each.where}{fields}: {each.text}"


def _rows(rows: Mapping[str, Mapping[TableName, int]]) -> Iterator[str]:
    for origin, tables in rows.items():
        yield f"| {origin} | {', '.join(f'{count} {table}' for table, count in tables.items())} |\n"


def _spans(lines: Set[int]) -> Iterator[str]:
    """Runs of successive numbers, as `3-5`."""
    ordered = sorted(lines)
    starts = [line for line in ordered if line - 1 not in lines]
    ends = [line for line in ordered if line + 1 not in lines]
    for first, last in zip(starts, ends, strict=True):
        yield str(first) if first == last else f"{first}-{last}"


def _escaped(text: str) -> str:
    return text.replace("_", "\\_").replace("*", "\\*")
