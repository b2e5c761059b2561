"""All importers, and which of them reads a source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fairprune.corpus.importers import Importer, blalock, contribution, own, results_file, tanaka
from fairprune.corpus.importers.document import About, read_document, refuse
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
    """A source's rows; a file of results, or a store, is of the paper with this key, or of that in a TOML file.

    Raises CorpusError where it cannot be read, or where it says itself of which paper it is.
    """
    importer = importer_of(path)
    if not (paper or about):
        return importer.read(path, corpus)
    if paper and about:
        raise CorpusError(f"--paper and --about both say which paper {path} is of; expected one of them")
    told = About.told(read_document(about), corpus) if about else About.of(path, paper)
    if importer is results_file:
        part, faults = results_file.examine(path, corpus, told)
    elif importer is own:
        part, faults = own.examine(path, corpus, told)
    else:
        raise CorpusError(f"{path} says itself of which paper it is; --paper and --about are for others")
    refuse(faults)
    return (part,)
