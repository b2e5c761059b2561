"""Usual names of what the corpus has by key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fairprune.corpus.tables import Corpus


@dataclass(frozen=True)
class Names:
    """The usual names of methods, data sets and networks by key."""

    method: Mapping[str, str]
    dataset: Mapping[str, str]
    network: Mapping[str, str]


def names_of(corpus: Corpus) -> Names:
    """The names in a corpus, which needs the tables `methods`, `datasets` and `networks` alone."""
    found = (dict(corpus[table].select("key", "name").iter_rows()) for table in ("methods", "datasets", "networks"))
    return Names(*found)
