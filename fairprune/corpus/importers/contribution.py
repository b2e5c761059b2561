"""A paper as a TOML file that somebody contributed: who prints what, new names, tables of results, recipes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fairprune.audit.columns import COLUMNS as AUDIT
from fairprune.audit.rows import csv_rows
from fairprune.corpus.check import Fault
from fairprune.corpus.importers.document import About, Document, entry, judged, part_of, read_document, refuse, without
from fairprune.corpus.importers.lines import text_line
from fairprune.corpus.importers.typed import COLUMNS, Entry, Rows, entries, slug, unknown_column
from fairprune.corpus.naming import Named, Naming, naming
from fairprune.corpus.schema import SCHEMA
from fairprune.corpus.tables import Corpus, Part, merged
from fairprune.errors import SpecError

WHAT = "a paper as a TOML file with [paper] and [[tables]]"

_FOR_ALL = tuple(name for name in COLUMNS if name not in ("id", "key", "replicate"))
_RECIPE = {name: column for name, column in SCHEMA["recipes"].items() if name not in ("origin", "paper")}


def recognises(path: Path) -> bool:
    """Whether it is a TOML file with a [paper]."""
    if path.suffix.lower() != ".toml" or not path.is_file():
        return False
    return any(line.strip() == "[paper]" for line in path.read_text(encoding="utf-8", errors="replace").splitlines())


def read(path: Path, corpus: Corpus) -> Sequence[Part]:
    """The paper's rows. Raises CorpusError for the first fault."""
    part, faults = examine(path, corpus)
    refuse(faults)
    return (part,)


def examine(path: Path, corpus: Corpus) -> tuple[Part, list[Fault]]:
    """A file's rows, and all that is wrong with them. Raises CorpusError where it cannot be read as TOML."""
    document = read_document(path)
    about = About.told(document, corpus)
    others = without(corpus, about.origin)
    names = naming(merged(others, part_of(about.origin, about.found)))
    tables = list(_tables(document))
    found = [*about.found, *(each for each in tables if isinstance(each, Fault))]
    found += entries((each for each in tables if isinstance(each, Rows)), names)
    found += _recipes(document, names)
    part, faults = part_of(about.origin, found), [each for each in found if isinstance(each, Fault)]
    return part, judged(part, faults, None if about.broken else others)


def _tables(document: Document) -> Iterator[Rows | Fault]:
    """The tables of results; beside `rows`, their keys are what holds for all rows."""
    for number, given in document.tables("tables"):
        place = partial(document.lines.place, "tables", number)
        common = {}
        for name, value in given.items():
            if name != "rows" and name not in _FOR_ALL:
                yield unknown_column(place(name), name, (*_FOR_ALL, "rows"))
            elif isinstance(value, bool) or not isinstance(value, str | int | float):
                yield Fault(place(name), name, "type", "expected text or a number")
            elif name != "rows":
                common[name] = str(value)
        line = document.lines.found.get(("tables", number, "rows"))
        start = text_line(document.text, line) if line else None
        if start is None:
            yield Fault(place("rows"), "rows", "missing", "expected CSV text between '''")
        else:
            text = "\n" * (start - 1) + str(given["rows"])  # so that lines are those of the file
            rows = csv_rows(text, document.path.name, COLUMNS, needed=())
            yield Rows(rows, {"paper": document.paper, **common}, place, document.transcribed_by)


def _recipes(document: Document, names: Mapping[Named, Naming]) -> Iterator[Entry | Fault]:
    """How methods are retrained; what has a fault is left out. A schedule tells epochs and first rate."""
    for number, given in document.tables("recipes"):
        place = partial(document.lines.place, "recipes", number)
        *faults, found = entry(document, "recipes", number, given, _RECIPE)
        assert isinstance(found, Entry)
        row = {"transcribed_by": document.transcribed_by, **found.row, "paper": document.paper}
        parts = (document.paper, *(slug(str(row.get(name))) for name in ("source", "method")))
        row = {"key": "/".join(parts), **row}
        faults += [*_keyed(row, names, place), *_told(row, place)]
        yield from faults
        if not faults:
            yield Entry("recipes", row, found.place)


def _keyed(row: dict[str, Any], names: Mapping[Named, Naming], place: Callable[[str], str]) -> Iterator[Fault]:
    """Puts keys for names into the row."""
    for what in names:
        if what in row:
            try:
                row[what] = names[what].key(what, row[what])
            except SpecError as error:
                yield Fault(place(what), what, "unknown-name", str(error))


def _told(row: dict[str, Any], place: Callable[[str], str]) -> Iterator[Fault]:
    """Puts what the schedule tells into the row."""
    if "schedule" not in row:
        return
    try:
        schedule = AUDIT["retrain_schedule"].read(row["schedule"])
    except SpecError as error:
        yield Fault(place("schedule"), "schedule", "schedule", str(error))
        return
    row["schedule"] = str(schedule)
    for name, told in (("epochs", schedule.total), ("first_rate", schedule.initial_rate)):
        if row.setdefault(name, told) != told:
            yield Fault(place("schedule"), "schedule", "contradiction", f"its {name} is {told:g}, not {row[name]:g}")
