"""Single runs of one setting as one result."""

from __future__ import annotations

import polars as pl

from fairprune.corpus.schema import SCHEMA

_ACCURACIES = tuple(
    f"{base}{top}{change}" for base in ("base_", "") for top in ("top1", "top5") for change in ("", "_change")
)
_AVERAGED = tuple(name for name in _ACCURACIES if name in SCHEMA["results"])
_DEVIATIONS = {"top1_std": "top1", "base_top1_std": "base_top1"}
_OWN = ("key", "source", "corrected", "replicate", "seeds", *_AVERAGED, *_DEVIATIONS)


def averaged(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of the table `results`, where runs that differ in their number and accuracies alone have become their mean.

    The mean keeps the key and the source of the first, has the number of runs as `seeds`, and their deviation.
    """
    setting = [name for name in rows.columns if name not in _OWN]
    runs = rows.filter(pl.col("replicate").is_not_null())
    mean = runs.group_by(setting, maintain_order=True).agg(
        pl.col("key", "source", "corrected").first(),
        pl.col("replicate").min().alias("replicate"),
        pl.len().cast(pl.Int64).alias("seeds"),
        pl.col(_AVERAGED).mean(),
        *(pl.col(of).std().alias(name) for name, of in _DEVIATIONS.items()),
    )
    rest = rows.filter(pl.col("replicate").is_null())
    return pl.concat([rest, mean.select(rows.columns)])
