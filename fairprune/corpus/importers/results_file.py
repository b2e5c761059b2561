"""Files of results as `fairprune audit` reads them, CSV or JSON: rows of one paper, or rows that name theirs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from fairprune.audit.read import SUFFIXES, read_rows
from fairprune.corpus.check import Fault
from fairprune.corpus.importers.document import About, judged, part_of, refuse, with_table, without
from fairprune.corpus.importers.typed import COLUMNS, Rows, entries
from fairprune.corpus.importers.whole import whole
from fairprune.corpus.naming import naming
from fairprune.corpus.tables import Corpus, Part, merged
from fairprune.errors import CorpusError, SpecError

WHAT = "a file of results, CSV or JSON, with a column 'id'"

_APART = re.compile(r"[,;\t]")
_KEY = re.compile(r'"id"\s*:')


def recognises(path: Path) -> bool:
    """Whether it is a table with a column `id`, or JSON with such keys."""
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        if path.suffix.lower() == ".json":
            return _KEY.search(file.read()) is not None
        header = next((line for line in file if line.strip()), "")
    return "id" in (cell.strip(" \"'\n") for cell in _APART.split(header))


def read(path: Path, corpus: Corpus) -> Sequence[Part]:
    """The file's rows, which name their papers. Raises CorpusError for the first fault."""
    part, faults = examine(path, corpus, About.of(path))
    refuse(faults)
    return (part,)


def examine(path: Path, corpus: Corpus, about: About) -> tuple[Part, list[Fault]]:
    """A file's rows, and all that is wrong with them. Raises CorpusError where it cannot be read as a table."""
    others = without(corpus, about.origin)
    names = naming(merged(others, part_of(about.origin, about.found)))
    found, read = list(about.found), partial(read_rows, path, (*COLUMNS, "paper"))
    try:
        table = whole(read(), about.paper, names, about.transcribed_by)
        if not table:
            rows = Rows(read(), {"paper": about.paper}, lambda _: path.name, about.transcribed_by)
            found += entries([rows], names)
    except SpecError as error:
        raise CorpusError(str(error)) from None
    part, faults = part_of(about.origin, found), [each for each in found if isinstance(each, Fault)]
    part = with_table(part, "results", *table) if table else part
    return part, judged(part, faults, None if about.broken else others)
