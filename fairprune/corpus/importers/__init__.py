"""Importers: what turns files of others into rows of the corpus. `known` lists them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from fairprune.corpus.tables import Corpus, Part


class Importer(Protocol):
    """Anything, a module for one, that has these."""

    @property
    def WHAT(self) -> str:  # noqa: N802 a constant of a module
        """What it reads, in a few words."""

    def recognises(self, path: Path) -> bool:
        """Whether the file or folder is of this kind, by its content; never raises for readable files."""

    def read(self, path: Path, corpus: Corpus) -> Sequence[Part]:
        """Its rows, one part for each origin; `corpus` is what there is already, so that rows can refer to it.

        Raises CorpusError in one line (file, line, field, rule) where the source cannot be read. Rows are checked
        together with the corpus afterwards (`check`); `Part.places` tells it where they stood.
        """
