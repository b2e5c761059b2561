"""The linter of published tables over a corpus: what of its numbers cannot be right."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from fairprune.audit.finding import SEVERITIES, Severity
from fairprune.audit.lint import Table
from fairprune.audit.lint import lint as check
from fairprune.corpus.names import names_of
from fairprune.corpus.printed import as_entry
from fairprune.corpus.schema import TableName
from fairprune.corpus.tables import Corpus

NEEDED: tuple[TableName, ...] = ("methods", "networks", "datasets", "results")


@dataclass(frozen=True)
class Finding:
    """What one rule says about rows of one paper: their keys, where each of them is printed, and what is wrong."""

    rule: str
    severity: Severity
    paper: str
    keys: tuple[str, ...]
    sources: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Linted:
    """How many rows were checked, and the findings: worst first, then by paper and key."""

    rows: int
    papers: int
    findings: tuple[Finding, ...]


def lint(corpus: Corpus, results: pl.DataFrame | None = None) -> Linted:
    """Results (by default all of the corpus) through the rules of `fairprune lint`, with the tables of their papers."""
    names, results = names_of(corpus), corpus["results"] if results is None else results
    rows = {row["key"]: row for row in results.iter_rows(named=True)}
    said = check(Table(tuple(as_entry(row, names, line) for line, row in enumerate(rows.values(), 1))))
    order = list(SEVERITIES)
    findings = [
        Finding(f.rule, f.severity, rows[f.ids[0]]["paper"], f.ids, tuple(rows[i]["source"] for i in f.ids), f.text)
        for f in said
    ]
    findings.sort(key=lambda f: (order.index(f.severity), f.rule, f.paper, f.keys))
    return Linted(len(rows), results["paper"].n_unique(), tuple(findings))
