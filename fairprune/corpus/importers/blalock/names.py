"""What the files call networks and data sets, and what the corpus calls them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

from fairprune.corpus.schema import SCHEMA
from fairprune.errors import CorpusError

UNKNOWN = "???"

_APART = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Names:
    """Networks or data sets by every name that the files have for them."""

    table: Literal["networks", "datasets"]
    by_name: Mapping[str, Mapping[str, Any]]

    def entry(self, name: str) -> Mapping[str, Any]:
        """What is known of a name; of one that is not listed, the name itself."""
        return self.by_name.get(name, {"key": slug(name), "name": name, "aliases": (), "on": ()})

    def key(self, name: str) -> str | None:
        """The key of a name, None for an unknown thing."""
        return None if name == UNKNOWN else str(self.entry(name)["key"])

    def rows(self, used: Iterable[str]) -> list[Mapping[str, Any]]:
        """Rows of the table for the names that are used. Raises CorpusError where two of them share a key."""
        found: dict[str, Mapping[str, Any]] = {}
        for name in used:
            row = {column: value for column, value in self.entry(name).items() if column in SCHEMA[self.table]}
            if found.setdefault(row["key"], row) != row:
                raise CorpusError(f"{self.table} '{row['name']}' and '{found[row['key']]['name']}' have one key")
        return list(found.values())


@cache
def names(table: Literal["networks", "datasets"]) -> Names:
    """The names that ship with the importer."""
    by_name: dict[str, Mapping[str, Any]] = {}
    for name, given in shipped_toml(table).items():
        entry = {"key": slug(name), "name": name, **given}
        spelt = (name, *given.get("aliases", ()))
        entry["on"] = frozenset(slug(each) for each in given.get("usual", ()))
        entry["aliases"] = sorted({each for each in spelt if each not in (entry["name"], entry["key"])})
        by_name |= dict.fromkeys(spelt, MappingProxyType(entry))
    return Names(table, MappingProxyType(by_name))


def slug(name: str) -> str:
    """A name in lower case with hyphens between its words."""
    return _APART.sub("-", name.lower()).strip("-")


def shipped_toml(name: str) -> Mapping[str, Any]:
    """A TOML file beside this module."""
    return tomllib.loads((files("fairprune.corpus.importers.blalock") / f"{name}.toml").read_text(encoding="utf-8"))
