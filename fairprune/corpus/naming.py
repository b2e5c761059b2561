"""What papers call methods, data sets and networks, as keys of the corpus."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from fairprune.audit.spelling import spelling
from fairprune.corpus.tables import Corpus
from fairprune.errors import SpecError, unknown

Named = Literal["method", "dataset", "network"]
NAMED: tuple[Named, ...] = ("method", "dataset", "network")


@dataclass(frozen=True)
class Naming:
    """Keys by what things of one kind are called: as written; without case, hyphens, underscores and spaces; by us.

    `components` are the names in fairprune itself, which count where nobody else has another use for them.
    """

    keys: frozenset[str]
    written: Mapping[str, frozenset[str]]
    spelt: Mapping[str, frozenset[str]]
    components: Mapping[str, frozenset[str]]

    def key(self, what: Named, name: str) -> str:
        """The key of what a key, name or alias stands for. Raises SpecError where it is none, or stands for several."""
        if name in self.keys:
            return name
        found = self.written.get(name) or self.spelt.get(spelling(name)) or self.components.get(name) or frozenset()
        if len(found) == 1:
            return next(iter(found))
        if found:
            raise SpecError(f"{what} '{name}' is a name of {', '.join(sorted(found))}; expected one of these keys")
        raise SpecError(unknown(what, name, {*self.written, *self.keys}))


def naming(corpus: Corpus) -> Mapping[Named, Naming]:
    """How the methods, data sets and networks of a corpus are called."""
    return {
        "method": _naming(corpus, "methods"),
        "dataset": _naming(corpus, "datasets"),
        "network": _naming(corpus, "networks"),
    }


def _naming(corpus: Corpus, table: Literal["methods", "datasets", "networks"]) -> Naming:
    rows = corpus[table].filter(pl.col("key").is_not_null()).rows(named=True)
    called = [(row["key"], name) for row in rows for name in (row["key"], row["name"], *row["aliases"]) if name]
    return Naming(
        keys=frozenset(row["key"] for row in rows),
        written=_keys_by((name, key) for key, name in called),
        spelt=_keys_by((spelling(name), key) for key, name in called),
        components=_keys_by((row["component"], row["key"]) for row in rows if row["component"]),
    )


def _keys_by(pairs: Iterable[tuple[str, str]]) -> Mapping[str, frozenset[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name, key in pairs:
        found[name].add(key)
    return {name: frozenset(keys) for name, keys in found.items()}
