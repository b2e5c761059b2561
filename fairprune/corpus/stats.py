"""What the literature reports, counted as Blalock et al. 2020 (arXiv:2003.03033) count it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median

import polars as pl

from fairprune.corpus.names import names_of
from fairprune.corpus.tables import Corpus

RULES = (
    "a result counts if its data set and its network are known, and if the subject of its paper is pruning",
    "a comparison counts if it is with another paper of those counted",
    "a metric is reported where one counted result gives it: as a value, as a change or as a ratio",
    "a point gives an accuracy and a size or rate; the points of one paper on one data set and network are a curve",
)
METRICS: Mapping[str, tuple[str, ...]] = {  # what reports a metric, as a value, a change or a ratio
    "top1": ("top1", "top1_change"),
    "top5": ("top5", "top5_change"),
    "params": ("params_m", "compression"),
    "flops": ("flops_g", "speedup"),
}
CURVE = ("paper", "dataset", "network")


@dataclass(frozen=True)
class Spread:
    """The least and the most that papers report of one network on one data set."""

    place: str
    papers: int
    least: float
    most: float


@dataclass(frozen=True)
class Stats:
    """Counts over a corpus. Counts by number are sorted by it, combinations by how many papers use them."""

    papers: int
    papers_since_2010: int
    papers_by_year: Mapping[int, int]
    results: int
    datasets: int
    architectures: int
    combinations: int
    combination_counts: Mapping[str, int]  # "NETWORK/DATASET" -> papers
    combinations_of_one_paper: int
    combinations_per_paper: Mapping[int, int]  # number of combinations -> papers
    papers_without_imagenet: int
    papers_without_resnet_on_imagenet: int
    compares_to_none: int
    compares_to_one: int
    compares_to_three_or_fewer: int
    median_compared_to: float
    never_compared_to: int
    reporting: Mapping[str, float]  # metric -> fraction of the papers with results
    metrics_per_paper: Mapping[int, int]  # number of the four metrics -> papers
    points_per_curve: Mapping[int, int]  # number of points -> curves
    papers_with_deviation: int
    base_top1: tuple[Spread, ...]  # percent; widest first, in points
    base_flops: tuple[Spread, ...]  # 10^9, as papers count them; widest first, by factor


def stats(corpus: Corpus) -> Stats:
    """The counts of a corpus by `RULES`; it needs all tables but methods and recipes."""
    rows, years = counted(corpus), corpus["papers"]["year"].to_list()
    places = rows.select(CURVE).unique()
    used = combination_counts(corpus)
    reach = list(compares_with(corpus).values())
    metrics = _metrics(rows)
    return Stats(
        papers=len(years),
        papers_since_2010=sum(year >= 2010 for year in years),
        papers_by_year=_tally(years),
        results=rows.height,
        datasets=places["dataset"].n_unique(),
        architectures=places["network"].n_unique(),
        combinations=places.select("network", "dataset").n_unique(),
        combination_counts=used,
        combinations_of_one_paper=sum(number == 1 for number in used.values()),
        combinations_per_paper=_tally(places["paper"].value_counts()["count"]),
        **_absent(corpus, places),
        compares_to_none=reach.count(0),
        compares_to_one=reach.count(1),
        compares_to_three_or_fewer=sum(number <= 3 for number in reach),
        median_compared_to=median(reach) if reach else 0,
        never_compared_to=len(years) - comparisons(corpus)["compared_to"].n_unique(),
        reporting={name: sum(name in of for of in metrics) / max(len(metrics), 1) for name in METRICS},
        metrics_per_paper=_tally(map(len, metrics)),
        points_per_curve=_tally(points(rows).group_by(CURVE).len()["len"]),
        papers_with_deviation=rows.filter(pl.col("top1_std") > 0)["paper"].n_unique(),
        base_top1=_spread(rows, "base_top1", lambda s: s.most - s.least),
        base_flops=_spread(rows, "base_flops_g", lambda s: s.most / s.least if s.least else 1.0),
    )


def counted(corpus: Corpus) -> pl.DataFrame:
    """The results that count, with their `place`: "NETWORK/DATASET" by usual names."""
    pruning = corpus["papers"].filter("pruning")["key"].to_list()
    known = pl.col("paper").is_in(pruning) & pl.col("network").is_not_null() & pl.col("dataset").is_not_null()
    names = names_of(corpus)
    network, dataset = pl.col("network").replace(names.network), pl.col("dataset").replace(names.dataset)
    return corpus["results"].filter(known).with_columns(place=network + "/" + dataset)


def combination_counts(corpus: Corpus) -> Mapping[str, int]:
    """How many papers use each network on each data set, "NETWORK/DATASET", most first."""
    used = counted(corpus).group_by("place").agg(pl.col("paper").n_unique())
    return dict(sorted(used.iter_rows(), key=lambda row: (-row[1], row[0])))


def comparisons(corpus: Corpus) -> pl.DataFrame:
    """The comparisons that count: `paper` and `compared_to`."""
    inside = corpus["papers"]["key"].to_list()
    other = pl.col("compared_to").is_in(inside) & (pl.col("compared_to") != pl.col("paper"))
    return corpus["comparisons"].filter(pl.col("paper").is_in(inside) & other).select("paper", "compared_to").unique()


def compares_with(corpus: Corpus) -> Mapping[str, int]:
    """With how many of the papers each one compares."""
    number = Counter(comparisons(corpus)["paper"])
    return {paper: number[paper] for paper in corpus["papers"]["key"]}


def points(rows: pl.DataFrame) -> pl.DataFrame:
    """Results that give an accuracy and a size or rate; single runs of one setting are one point."""
    quality = pl.any_horizontal(pl.col(*METRICS["top1"], *METRICS["top5"]).is_not_null())
    amount = (*METRICS["params"], *METRICS["flops"])
    found = rows.filter(quality & pl.any_horizontal(pl.col(*amount).is_not_null()))
    single = found.filter(pl.col("replicate").is_not_null())
    runs = single.unique([*CURVE, "method", "variant", "setting", *amount], maintain_order=True)
    return pl.concat([found.filter(pl.col("replicate").is_null()), runs])


def _metrics(rows: pl.DataFrame) -> list[set[str]]:
    """What each paper reports."""
    given = {name: pl.any_horizontal(pl.col(*columns).is_not_null()).any() for name, columns in METRICS.items()}
    reported = rows.group_by("paper").agg(**given).drop("paper")
    return [{name for name, yes in row.items() if yes} for row in reported.iter_rows(named=True)]


def _absent(corpus: Corpus, places: pl.DataFrame) -> Mapping[str, int]:
    """Papers with results, none of them on ImageNet, or for a ResNet there."""
    names, papers = names_of(corpus), places["paper"].n_unique()
    resnets = [key for key, name in names.network.items() if "resnet" in name.lower()]
    imagenet = [key for key, name in names.dataset.items() if name.lower() == "imagenet"]
    there = places.filter(pl.col("dataset").is_in(imagenet))
    return {
        "papers_without_imagenet": papers - there["paper"].n_unique(),
        "papers_without_resnet_on_imagenet": papers
        - there.filter(pl.col("network").is_in(resnets))["paper"].n_unique(),
    }


def _spread(rows: pl.DataFrame, column: str, wide: Callable[[Spread], float]) -> tuple[Spread, ...]:
    """Where at least two papers report a value, the widest first."""
    value = pl.col(column)
    found = (
        rows.filter(value.is_not_null())
        .group_by("place")
        .agg(pl.col("paper").n_unique(), least=value.min(), most=value.max())
        .filter(pl.col("paper") > 1)
    )
    spreads = [Spread(*row) for row in found.iter_rows()]
    return tuple(sorted(spreads, key=lambda s: (-wide(s), s.place)))


def _tally(values: Iterable[int]) -> Mapping[int, int]:
    return dict(sorted(Counter(values).items()))
