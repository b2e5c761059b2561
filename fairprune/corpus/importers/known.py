"""All importers, and which of them reads a source."""

from __future__ import annotations

from pathlib import Path

from fairprune.corpus.importers import Importer, blalock, contribution, results_file, tanaka
from fairprune.errors import CorpusError

IMPORTERS: tuple[Importer, ...] = (blalock, tanaka, contribution, results_file)


def importer_of(path: Path) -> Importer:
    """The first importer that recognises a file or folder. Raises CorpusError where none does."""
    if not path.exists():
        raise CorpusError(f"there is no {path}")
    found = next((importer for importer in IMPORTERS if importer.recognises(path)), None)
    if found is None:
        raise CorpusError(f"cannot tell what {path} is; expected {', or '.join(each.WHAT for each in IMPORTERS)}")
    return found
