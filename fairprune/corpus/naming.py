"""What papers call methods, data sets and networks, as keys of the corpus."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fairprune.audit.read import spelling
from fairprune.corpus.tables import Corpus
from fairprune.errors import SpecError, unknown

Named = Literal["method", "dataset", "network"]
NAMED: tuple[Named, ...] = ("method", "dataset", "network")


@dataclass(frozen=True)
class Naming:
    """Keys by what things of one kind are called: as written, and without case, hyphens, underscores and spaces."""

    keys: frozenset[str]
    written: Mapping[str, frozenset[str]]
    spelt: Mapping[str, frozenset[str]]

    def key(self, what: Named, name: str) -> str:
        """The key of what a key, name or alias stands for. Raises SpecError where it is none, or stands for several."""
        if name in self.keys:
            return name
        found = self.written.get(name) or self.spelt.get(spelling(name)) or frozenset()
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
    written: defaultdict[str, set[str]] = defaultdict(set)
    spelt: defaultdict[str, set[str]] = defaultdict(set)
    for key, name, aliases in corpus[table].select("key", "name", "aliases").iter_rows():
        for called in {key, name, *aliases} - {None}:
            written[called].add(key)
            spelt[spelling(called)].add(key)
    one, other = ({name: frozenset(found) for name, found in by.items()} for by in (written, spelt))
    return Naming(frozenset(corpus[table]["key"].drop_nulls()), one, other)
