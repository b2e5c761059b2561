"""How papers and their results are named in figures: short names, what pointing at a result says, where it leads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairprune.corpus.names import Names, names_of
from fairprune.corpus.tables import Corpus
from fairprune.report import words


@dataclass(frozen=True)
class Library:
    """The papers of a corpus by key, each as `Luo 2017` and with its row, and the names of what they are about."""

    short: Mapping[str, str]
    rows: Mapping[str, Mapping[str, Any]]
    names: Names

    def link(self, paper: str) -> str:
        """Where a paper is found; empty where that is not known."""
        return str(self.rows[paper]["url"] or "") if paper in self.rows else ""

    def place(self, row: Mapping[str, Any]) -> str:
        """`VGG-16 / ImageNet`."""
        network, dataset = row["network"], row["dataset"]
        return f"{self.names.network.get(network, network)} / {self.names.dataset.get(dataset, dataset)}"

    def about(self, row: Mapping[str, Any]) -> str:
        """What pointing at a result says: paper, method, and what the paper prints."""
        lines = [self.rows[row["paper"]]["title"], self.place(row), self._method(row), *_printed(row), row["source"]]
        return "\n".join(line for line in lines if line)

    def _method(self, row: Mapping[str, Any]) -> str:
        method = self.names.method.get(row["method"], row["method"])
        return ", ".join(text for text in (method, row["variant"], row["setting"]) if text)


def library(corpus: Corpus) -> Library:
    """The papers of a corpus; those of one author and year are told apart by letters, in the order of their months."""
    rows = {row["key"]: row for row in corpus["papers"].sort("year", "month", "key").iter_rows(named=True)}
    mates: defaultdict[str, list[str]] = defaultdict(list)
    for key, row in rows.items():
        mates[f"{row['first_author']} {row['year']}"].append(key)
    short = {
        key: name if len(keys) == 1 else f"{name}{_letter(index)}"
        for name, keys in mates.items()
        for index, key in enumerate(keys)
    }
    return Library(short, rows, names_of(corpus))


def _letter(index: int) -> str:
    return "abcdefghijklmnopqrstuvwxyz"[index] if index < 26 else f"-{index + 1}"


def _printed(row: Mapping[str, Any]) -> list[str]:
    said = []
    for metric in ("top1", "top5"):
        value, change, base = row[metric], row[f"{metric}_change"], row[f"base_{metric}"]
        parts = [f"{value:g} %"] if value is not None else []
        parts += [f"base {base:g} %"] if base is not None else []
        parts += [f"change {words.number(change, 2, '+')}"] if change is not None else []
        if parts:
            said.append(f"{metric.replace('top', 'top-')} {', '.join(parts)}")
    rates = [f"{name} {words.times(row[name])}" for name in ("compression", "speedup") if row[name] is not None]
    return [*said, ", ".join(rates)]
