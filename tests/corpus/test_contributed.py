"""What is contributed can be taken, and is what ships."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from fairprune.corpus.importers.contribution import examine, recognises
from fairprune.corpus.schema import TABLES
from fairprune.corpus.tables import SHIPPED, Corpus, load, merged, nothing

CONTRIBUTED = sorted((SHIPPED.parent / "contributed").iterdir())


@cache
def shipped() -> Corpus:
    return load()


@pytest.mark.parametrize("path", CONTRIBUTED, ids=lambda path: path.name)
def test_a_contributed_file_can_be_taken_and_is_what_ships(path: Path) -> None:
    """Otherwise: `fairprune corpus check FILE`, and then
    `fairprune corpus import fairprune/corpus/contributed/*.toml --into fairprune/corpus/tables`.
    """
    assert recognises(path)
    part, faults = examine(path, shipped())
    assert [str(fault) for fault in faults] == []
    ours = merged(nothing(), part)
    assert all(ours[table].equals(shipped()[table].filter(origin=path.stem)) for table in TABLES)
