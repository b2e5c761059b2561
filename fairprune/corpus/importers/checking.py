"""What is wrong with files that people contribute, all of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fairprune.corpus.check import Fault
from fairprune.corpus.importers import contribution, results_file
from fairprune.corpus.importers.document import About
from fairprune.corpus.tables import Corpus, Part, merged
from fairprune.errors import CorpusError


@dataclass(frozen=True)
class Checked:
    """A file, how many results it brings, and what is wrong with it."""

    path: Path
    results: int
    faults: tuple[Fault, ...]


def check_files(paths: Iterable[Path], corpus: Corpus, paper: str = "") -> Iterator[Checked]:
    """Each file against the corpus and the files before it; `paper` is the key of the paper that tables are of.

    A file that cannot be read at all has that as its fault.
    """
    for path in paths:
        try:
            part, faults = _examined(path, corpus, paper)
        except CorpusError as error:
            yield Checked(path, 0, (Fault(path.name, "file", "unreadable", str(error)),))
            continue
        if not faults:
            corpus = merged(corpus, part)
        yield Checked(path, len(part.rows.get("results", ())), tuple(faults))


def _examined(path: Path, corpus: Corpus, paper: str) -> tuple[Part, list[Fault]]:
    if contribution.recognises(path):
        return contribution.examine(path, corpus)
    if results_file.recognises(path):
        return results_file.examine(path, corpus, About.of(path, paper))
    what = "there is no such file" if not path.exists() else "cannot tell what it is"
    raise CorpusError(f"{what}; expected {contribution.WHAT}, or {results_file.WHAT}")
