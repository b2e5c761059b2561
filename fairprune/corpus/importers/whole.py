"""A table of results read as a whole, column by column: as `typed` reads it row by row, but several times faster.

That is for tables that nothing is wrong with. Where that is in doubt, nothing is read, and `typed` says what there is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import polars as pl

from fairprune.audit.columns import COLUMNS as AUDIT
from fairprune.audit.rows import Problem, Row
from fairprune.corpus.audited import as_result
from fairprune.corpus.importers.typed import EPOCHS, WRONG, meaning, slug
from fairprune.corpus.names import Names
from fairprune.corpus.naming import NAMED, Named, Naming
from fairprune.corpus.schema import SCHEMA
from fairprune.errors import SpecError

_TYPES = {"id": pl.String(), **{name: column.type for name, column in SCHEMA["results"].items() if name != "origin"}}
_WORDS = tuple(  # what the audit reads again, or holds against each other in one row; the rest are plain numbers
    name for name in _TYPES if name in AUDIT and _TYPES[name] == pl.String and name not in ("id", "source", *NAMED)
) + tuple(EPOCHS.values())
_SIZES = {"compression": ("base_params_m", "params_m"), "speedup": ("base_flops_g", "flops_g")}
_ROWS = 1 << 14  # at once, so that texts need no more memory than values
_TEXTS = 1 << 16  # of one column, whose meaning is remembered

Said = dict[str, Mapping[str, Any]]


def whole(
    rows: Iterable[Row | Problem], paper: str, naming: Mapping[Named, Naming], transcribed_by: str | None
) -> tuple[pl.DataFrame, list[str]] | None:
    """The table `results` without `origin`, and the places of its rows; None if it may have a fault, or has no rows.

    `paper` is the key of that of rows which do not name theirs.
    """
    above = meaning(naming, "paper", paper)
    known: defaultdict[str, Said] = defaultdict(dict)
    parts = [pl.DataFrame(schema=_TYPES)]
    places: list[str] = []
    left = iter(rows)
    while some := list(islice(left, _ROWS)):
        try:
            found = _columns(some, naming, known)
        except UnicodeEncodeError:  # bytes that are no text
            return None
        if found is None:
            return None
        parts.append(found)
        places += (row.place for row in some)
    if WRONG in above or not places:
        return None
    frame = _complete(pl.concat(parts, how="diagonal"), above.get("paper"), transcribed_by)
    return (frame, places) if _sound(frame) else None


def _columns(
    rows: Sequence[Row | Problem], naming: Mapping[Named, Naming], known: Mapping[str, Said]
) -> pl.DataFrame | None:
    """What the cells say, column by column; None if one is wrong, two contradict each other, or none says anything."""
    taken = [row.cells for row in rows if isinstance(row, Row)]
    if len(taken) < len(rows):
        return None
    found: dict[str, pl.Series] = {}
    for column, texts in _texts(taken):
        cells, said = pl.Series(texts, dtype=pl.String), known[column]
        here = cells.unique().to_list()
        if len(said) > _TEXTS:
            said.clear()
        said.update((text, meaning(naming, column, text)) for text in here if text not in said)
        names = set().union(*(said[text] for text in here))
        if WRONG in names:
            return None
        for name in names:
            values = pl.Series([said[text].get(name) for text in here], dtype=_TYPES[name])
            told = cells.replace_strict(here, values)
            before = found.get(name, told)
            if (before != told).any():
                return None
            found[name] = before.fill_null(told)
    return pl.DataFrame(found) if found else None


def _texts(rows: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, Sequence[str]]]:
    """The texts of each column."""
    shapes = set(map(tuple, rows))
    if len(shapes) == 1:  # as in CSV: then they need not be looked up
        return zip(*shapes, zip(*(cells.values() for cells in rows), strict=True), strict=True)
    columns = dict.fromkeys(chain.from_iterable(shapes))
    return ((column, [cells.get(column, "") for cells in rows]) for column in columns)


def _complete(frame: pl.DataFrame, paper: str | None, transcribed_by: str | None) -> pl.DataFrame:
    """With what holds for all rows, keys, sources, and the epochs that schedules tell, as `typed` makes them."""
    known = pl.coalesce("paper", pl.lit(paper, pl.String)), pl.col("kind").fill_null("prune")
    frame = frame.with_columns(*known, *_totals(frame), transcribed_by=pl.lit(transcribed_by, pl.String))
    slugs = {source: slug(source or "") for source in frame["source"].unique()}
    number = pl.int_range(1, pl.len() + 1).over("paper", "source").cast(pl.String)
    name = pl.Series([slug(id or "") or None for id in frame["id"]], dtype=pl.String)
    source = pl.Series([slugs[source] for source in frame["source"]], dtype=pl.String)
    key = pl.concat_str("paper", source, pl.coalesce(name, number), "replicate", separator="/", ignore_nulls=True)
    said = pl.coalesce("id", pl.format("row {}", number))
    return frame.with_columns(key=pl.coalesce("key", key), source=pl.format("{}, {}", "source", said)).drop("id")


def _totals(frame: pl.DataFrame) -> Iterator[pl.Series]:
    for schedule, epochs in EPOCHS.items():
        totals = {text: text and AUDIT[schedule].read(text).total for text in frame[schedule].unique()}
        told = pl.Series([totals[text] for text in frame[schedule]], dtype=pl.Float64)
        yield frame.select(pl.col(epochs).fill_null(told)).to_series()


def _sound(frame: pl.DataFrame) -> bool:
    """Whether rows have what all need and no key twice, and the audit can read them: their words, and their rates."""
    if frame["paper"].has_nulls() or frame["source"].has_nulls() or frame["key"].is_duplicated().any():
        return False
    try:
        for row in frame.select(_WORDS).unique().iter_rows(named=True):
            as_result({"key": "", "paper": "", "source": "", **row}, Names({}, {}, {}))
    except SpecError:
        return False
    return all(frame.select(_fits(rate, *sizes).all()).item() for rate, sizes in _SIZES.items())


def _fits(rate: str, dense: str, small: str) -> pl.Expr:
    """Whether the audit takes a row's rate, or else what its sizes make of it, for a network of its kind."""
    sizes = pl.when((pl.col(dense) != 0) & (pl.col(small) != 0)).then(pl.col(dense) / pl.col(small))
    value = pl.coalesce(rate, sizes)
    fits = pl.when(pl.col("kind") == "dense").then(value == 1).otherwise(value.is_finite() & (value > 0))
    return fits | value.is_null()
