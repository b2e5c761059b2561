"""All importers, and which of them reads a source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fairprune.corpus.importers import Importer, blalock, contribution, own, results_file, tanaka
from fairprune.corpus.importers.checking import CONTRIBUTED, examine
from fairprune.corpus.importers.document import refuse
from fairprune.corpus.tables import Corpus, Part
from fairprune.errors import CorpusError

IMPORTERS: tuple[Importer, ...] = (blalock, tanaka, contribution, results_file, own)


def importer_of(path: Path) -> Importer:
    """The first importer that recognises a file or folder. Raises CorpusError where none does."""
    if not path.exists():
        raise CorpusError(f"there is no {path}")
    found = next((importer for importer in IMPORTERS if importer.recognises(path)), None)
    if found is None:
        raise CorpusError(f"cannot tell what {path} is; expected {', or '.join(each.WHAT for each in IMPORTERS)}")
    return found


def read_source(path: Path, corpus: Corpus, paper: str = "", about: Path | None = None) -> Sequence[Part]:
    """A source's rows; `paper` and `about` say of which paper a contribution is that does not (`checking.examine`).

    Raises CorpusError where it cannot be read, and for the first of its faults.
    """
    importer = importer_of(path)
    if importer in CONTRIBUTED:
        part, faults = examine(path, corpus, paper, about)
        refuse(faults)
        return (part,)
    if paper or about:
        raise CorpusError(f"{path} says itself of which papers it is; --paper and --about are for others")
    return importer.read(path, corpus)
