"""The corpus as values and as a folder: one Parquet file for each table, and a manifest with their digests."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import polars as pl

from fairprune.corpus.schema import KEYS, SCHEMA, TABLES, TableName, empty
from fairprune.errors import CorpusError, brief, unknown
from fairprune.files import write_bytes, write_text

SHIPPED = Path(str(files("fairprune.corpus"))) / "tables"
MANIFEST = "manifest.json"
VERSION = 1


@dataclass(frozen=True)
class Note:
    """What an import left out, or had to interpret, and why. The place is `FILE, line 3`."""

    place: str
    field: str | None
    what: Literal["left out", "interpreted"]
    text: str


@dataclass(frozen=True)
class Part:
    """Rows of one origin by table, as mappings from column to value, or as a frame; absent means null.

    `places` are where rows stood, by table and key, for what is said about a row that cannot be taken.
    """

    origin: str
    rows: Mapping[TableName, Sequence[Mapping[str, Any]] | pl.DataFrame]
    notes: tuple[Note, ...] = ()
    places: Mapping[tuple[TableName, tuple[str, ...]], str] = field(default_factory=dict)

    @cached_property
    def frames(self) -> Mapping[TableName, pl.DataFrame]:
        """The rows as tables."""
        return {table: _frame(table, self) for table in TABLES}


@dataclass(frozen=True)
class Corpus:
    """All tables, each sorted by its key."""

    tables: Mapping[TableName, pl.DataFrame]

    def __getitem__(self, table: TableName) -> pl.DataFrame:
        return self.tables[table]

    @cached_property
    def origins(self) -> tuple[str, ...]:
        """What the rows came from, in alphabetical order."""
        return tuple(sorted({origin for frame in self.tables.values() for origin in frame["origin"].unique()}))


def nothing() -> Corpus:
    """A corpus without rows."""
    return Corpus({table: empty(table) for table in TABLES})


def merged(corpus: Corpus, part: Part) -> Corpus:
    """The corpus with the rows of the part instead of those that its origin had."""
    tables = {}
    for table in TABLES:
        kept = corpus[table].filter(pl.col("origin") != part.origin)
        tables[table] = pl.concat([kept, part.frames[table]]).sort(KEYS[table], maintain_order=True)
    return Corpus(tables)


def of_origin(corpus: Corpus, origin: str) -> Corpus:
    """What one origin brought: its papers and those that it has results of, results, comparisons and recipes.

    Methods, networks and data sets stay, since rows of one origin use names of others. Raises CorpusError for an origin
    that brought nothing.
    """
    if origin not in corpus.origins:
        raise CorpusError(unknown("origin", origin, corpus.origins))
    brought: tuple[TableName, ...] = ("results", "comparisons", "recipes")
    own = {table: corpus[table].filter(origin=origin) for table in brought}
    printed = own["results"]["paper"].unique().to_list()
    own["papers"] = corpus["papers"].filter((pl.col("origin") == origin) | pl.col("key").is_in(printed))
    return Corpus({**corpus.tables, **own})


def _frame(table: TableName, part: Part) -> pl.DataFrame:
    columns = SCHEMA[table]
    rows = part.rows.get(table, ())
    if isinstance(rows, pl.DataFrame):
        return pl.concat([empty(table), rows.with_columns(origin=pl.lit(part.origin))], how="diagonal")
    stray = {name for row in rows for name in row} - columns.keys()
    assert not stray, f"{table} has no columns {stray}"
    lists = {name: () for name, column in columns.items() if column.type == pl.List}
    full = [{"origin": part.origin, **lists, **row} for row in rows]
    return pl.DataFrame(full, schema={name: column.type for name, column in columns.items()}, orient="row")


def save(corpus: Corpus, folder: Path) -> None:
    """Write the tables and their manifest; the same corpus gives the same bytes. Raises StoreError where it cannot."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = {}
    for table in TABLES:
        buffer = io.BytesIO()
        corpus[table].write_parquet(buffer, compression="zstd", statistics=False)
        data = buffer.getvalue()
        write_bytes(folder / f"{table}.parquet", data)
        listed[table] = {"rows": len(corpus[table]), "sha256": hashlib.sha256(data).hexdigest()}
    write_text(folder / MANIFEST, json.dumps({"version": VERSION, "tables": listed}, indent=2) + "\n")


def load(folder: Path = SHIPPED, only: Iterable[TableName] = TABLES) -> Corpus:
    """The corpus in a folder; tables that are not asked for are empty. Raises CorpusError for damaged files."""
    listed = _manifest(folder)
    wanted = set(only)
    return Corpus({t: _table(folder / f"{t}.parquet", t, listed) if t in wanted else empty(t) for t in TABLES})


def _manifest(folder: Path) -> Mapping[TableName, str]:
    """Digests by table."""
    path = folder / MANIFEST
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        digests = {table: str(found["tables"][table]["sha256"]) for table in TABLES}
        version = found["version"]
    except FileNotFoundError:
        raise CorpusError(f"no corpus in {folder}: there is no {MANIFEST}") from None
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise CorpusError(f"cannot read {path}: {brief(error)}; import the corpus again") from None
    if version != VERSION:
        raise CorpusError(f"{path} is of version {version}; this fairprune reads version {VERSION}")
    return digests


def _table(path: Path, table: TableName, digests: Mapping[TableName, str]) -> pl.DataFrame:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorpusError(f"cannot read {path}: {error.strerror or brief(error)}") from None
    if hashlib.sha256(data).hexdigest() != digests[table]:
        raise CorpusError(f"{path} is damaged: its digest is not the one in {MANIFEST}; import the corpus again")
    return pl.read_parquet(io.BytesIO(data))
