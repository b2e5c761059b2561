"""Results asked for by filters, and tables asked in SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import polars as pl

from fairprune.corpus.naming import NAMED, naming
from fairprune.corpus.schema import SCHEMA, TABLES, TableName
from fairprune.corpus.tables import Corpus, load
from fairprune.errors import CorpusError, SpecError, brief, unknown

if TYPE_CHECKING:
    from fairprune.audit.setups import Level

NEEDED: tuple[TableName, ...] = ("papers", "methods", "networks", "datasets", "results")
YEAR = "year"
COLUMNS = (*SCHEMA["results"], YEAR)
METRICS = tuple(name for name, column in SCHEMA["results"].items() if column.type.is_numeric())
SHOWN = (
    "paper", YEAR, "kind", "method", "variant", "setting", "network", "dataset", "compression", "speedup",
    "base_top1", "top1", "top1_std", "top1_change", "top5",
)  # fmt: skip


@dataclass(frozen=True)
class Filters:
    """Which results. Empty: all. Networks, data sets and methods by key, name or other name, papers by key.

    `metrics` are columns that are not null; `setup` is what a result reaches with one of another method, whatever else
    is asked for, under `tau` and `assume_equal` of `setups.compare`.
    """

    network: tuple[str, ...] = ()
    dataset: tuple[str, ...] = ()
    method: tuple[str, ...] = ()
    paper: tuple[str, ...] = ()
    origin: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    years: tuple[int, int] | None = None
    setup: Level | None = None
    tau: float = 0.05
    assume_equal: Set[str] = frozenset()


def query(corpus: Corpus, filters: Filters) -> pl.DataFrame:
    """The results that pass, and the year of their paper as `year`. CorpusError or SpecError for unknown names."""
    papers = corpus["papers"].select(paper="key", year="year")
    found = corpus["results"].join(papers, on="paper", how="left", maintain_order="left")
    for column, keys in _keys(corpus, filters).items():
        if keys:
            found = found.filter(pl.col(column).is_in(keys))
    if filters.years:
        found = found.filter(pl.col(YEAR).is_between(*filters.years))
    for metric in filters.metrics:
        found = found.filter(pl.col(_known("metric", metric, METRICS)).is_not_null())
    return found.filter(pl.col("key").is_in(_reaching(corpus, filters))) if filters.setup else found


def _reaching(corpus: Corpus, filters: Filters) -> list[str]:
    from fairprune.audit.setups import Level  # brings the audit, which other filters need not wait for
    from fairprune.corpus.reach import reaching

    assert filters.setup
    _known("setup", filters.setup, get_args(Level))
    return list(reaching(corpus, filters.setup, filters.tau, filters.assume_equal))


def chosen(found: pl.DataFrame, columns: Iterable[str] = ()) -> pl.DataFrame:
    """These columns; without any, those that a reader looks for first."""
    return found.select([_known("column", name, COLUMNS) for name in columns] or SHOWN)


def sql(folder: Path, text: str) -> pl.DataFrame:
    """What a SELECT over the tables of a corpus gives. Raises CorpusError in one line for what cannot be answered."""
    if not re.match(r"\s*(\(|select\b|with\b|show\b)", text, re.IGNORECASE):
        raise CorpusError(f"SQL '{text}': expected SELECT ... FROM one of {', '.join(TABLES)}")
    asked = [table for table in TABLES if re.search(rf"\b{table}\b", text, re.IGNORECASE)]
    corpus = load(folder, asked)
    try:
        return pl.SQLContext({table: corpus[table].lazy() for table in asked or TABLES}).execute(text, eager=True)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise CorpusError(_explained(brief(error), asked)) from None


def parse_years(text: str) -> tuple[int, int]:
    """ "2018" or "2017..2019", both included. Raises SpecError for anything else."""
    first, dots, last = text.partition("..")
    try:
        years = int(first), int(last if dots else first)
    except ValueError:
        raise SpecError(f"years '{text}': expected a year, or two as 2017..2019") from None
    if years[0] > years[1]:
        raise SpecError(f"years '{text}': the first is after the last")
    return years


def _keys(corpus: Corpus, filters: Filters) -> dict[str, list[str]]:
    """The keys that each column may hold; none: any."""
    called = naming(corpus) if any(getattr(filters, what) for what in NAMED) else {}
    kinds, papers = SCHEMA["results"]["kind"].choices, corpus["papers"]["key"].to_list()
    return {
        **{what: [called[what].key(what, name) for name in getattr(filters, what)] for what in NAMED},
        "paper": [_known("paper", name, papers) for name in filters.paper],
        "origin": [_known("origin", name, corpus.origins) for name in filters.origin],
        "kind": [_known("kind", name, kinds) for name in filters.kind],
    }


def _known(what: str, name: str, known: Iterable[str]) -> str:
    if name not in known:
        raise CorpusError(unknown(what, name, known))
    return name


def _explained(said: str, tables: Iterable[str]) -> str:
    """One line for what polars says of a statement."""
    if found := re.match(r"relation '(.+?)' was not found", said):
        return unknown("table", found[1], TABLES)
    if found := re.match(r"unable to find column \"(.+?)\"|no column named '(.+?)'", said):
        return unknown("column", found[1] or found[2], {name for t in TABLES if t in tables for name in SCHEMA[t]})
    return f"SQL: {said}; tables: {', '.join(TABLES)}"
