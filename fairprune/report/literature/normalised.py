"""Results of several papers as if all had begun from one model of each network (Blalock et al. 2020, figure 1).

Many papers print ratios and differences alone. A common size, count of multiply-adds and accuracy of every network,
each the median over papers of what they report of the unpruned one, makes them values again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

import polars as pl

from fairprune.corpus.tables import Corpus

Metric = Literal["top1", "top5"]
Size = Literal["params", "macs"]

_UNITS = {"macs": 1.0, "2x macs": 0.5}
_USUAL = {"params": "params_m", "macs": "macs_g"}


@dataclass(frozen=True)
class Start:
    """What the results of one network begin from; None where nobody says. Millions, 10^9 multiply-adds, percent."""

    params: float | None
    macs: float | None
    top1: float | None
    top5: float | None


def starts(rows: pl.DataFrame, corpus: Corpus) -> Mapping[str, Start]:
    """Of every network of the rows, which are of one data set.

    A median over papers, each with the median of its rows. Where no paper reports a size, it is that of the usual
    version in the table of networks.
    """
    counted = pl.col("base_flops_g") * pl.col("flops_unit").replace_strict(_UNITS, default=None)
    known = rows.with_columns(params=pl.col("base_params_m"), macs=counted, top1=pl.col("base_top1"), top5="base_top5")
    columns = ("params", "macs", "top1", "top5")
    papers = known.group_by("network", "paper").agg(pl.col(columns).median())
    middle = papers.group_by("network").agg(pl.col(columns).median()).sort("network")
    found = {row["network"]: row for row in middle.iter_rows(named=True)}
    usual = {row["key"]: row for row in corpus["networks"].iter_rows(named=True)}
    for network, row in found.items():
        for of, column in _USUAL.items():
            if row[of] is None:
                row[of] = usual.get(network, {}).get(column)
    return {network: Start(*(row[column] for column in columns)) for network, row in found.items()}


def size(row: Mapping[str, Any], start: Start, of: Size) -> float | None:
    """The common size divided by the rate that is reported; a size that is printed without a rate stands as it is."""
    whole, rate = (start.params, row["compression"]) if of == "params" else (start.macs, row["speedup"])
    if rate is not None:
        return None if whole is None else float(whole / rate)
    if of == "params":
        return _number(row["params_m"])
    printed, unit = _number(row["flops_g"]), _UNITS.get(row["flops_unit"])
    return None if printed is None or unit is None else printed * unit


def accuracy(row: Mapping[str, Any], start: Start, metric: Metric) -> float | None:
    """The common accuracy plus the change that is reported, or that follows from the row's own base."""
    begun, change = getattr(start, metric), row[f"{metric}_change"]
    if change is None and row[metric] is not None and row[f"base_{metric}"] is not None:
        change = row[metric] - row[f"base_{metric}"]
    return None if begun is None or change is None else float(begun + change)


def change(row: Mapping[str, Any], metric: Metric) -> float | None:
    """Final minus base, in points: as it is printed, or as it follows."""
    return accuracy(row, Start(None, None, 0.0, 0.0), metric)


@dataclass(frozen=True)
class Dense:
    """An unpruned network: medians over the collections that list it."""

    network: str
    params: float | None
    macs: float | None
    top1: float | None
    top5: float | None


def dense(corpus: Corpus, dataset: str, networks: re.Pattern[str]) -> list[Dense]:
    """The dense results of networks whose keys match, by size."""
    rows = corpus["results"].filter(kind="dense", dataset=dataset).filter(pl.col("network").is_not_null())
    found = [
        Dense(
            key,
            _median(group["params_m"].to_list()),
            _median([size(row, Start(None, None, None, None), "macs") for row in group.iter_rows(named=True)]),
            _median(group["top1"].to_list()),
            _median(group["top5"].to_list()),
        )
        for (key,), group in rows.group_by("network", maintain_order=True)
        if networks.fullmatch(str(key))
    ]
    return sorted(found, key=lambda network: (network.params or 0, network.network))


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
