"""Which results are comparable with a result of another method, and how strictly."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence, Set

import polars as pl

from fairprune.audit.pairing import compare_all
from fairprune.audit.result import Result
from fairprune.audit.setups import LEVELS, ORDER, RATES, Level, check_assumed, strictness
from fairprune.corpus.audited import as_result
from fairprune.corpus.names import names_of
from fairprune.corpus.tables import Corpus


def reaching(corpus: Corpus, level: Level, tau: float = 0.05, assume_equal: Set[str] = frozenset()) -> frozenset[str]:
    """The keys of the results that reach at least a setup with a result of another method.

    The options are those of `setups.compare`. It needs the tables `results`, `methods`, `networks` and `datasets`.
    """
    check_assumed(assume_equal)
    rows = corpus["results"].filter(pl.col("method").is_not_null())
    if not assume_equal & {*RATES, *LEVELS["S1"]}:
        near = frozenset(_near(rows, math.log1p(tau) + 1e-12))
        if level == "S1":
            return near
        rows = rows.filter(pl.col("key").is_in(list(near)))
    if level != "S1" and "base_checkpoint" not in assume_equal:
        rows = rows.filter(pl.col("base_checkpoint").is_not_null())
    return _compared(corpus, rows, level, tau, assume_equal)


def _compared(corpus: Corpus, rows: pl.DataFrame, level: Level, tau: float, assume_equal: Set[str]) -> frozenset[str]:
    """Those of some rows, by comparing them two by two, as far as it is not known yet."""
    names = names_of(corpus)
    method = dict(rows.select("key", "method").iter_rows())
    needed = [field for each in ORDER[: ORDER.index(level) + 1] for field in LEVELS[each] if field not in assume_equal]
    results = (as_result(row, names) for row in rows.iter_rows(named=True))
    known = [result for result in results if all(getattr(result, field) is not None for field in needed)]
    found: set[str] = set()

    def asked(a: Result, b: Result) -> bool:
        return method[a.id] != method[b.id] and not (a.id in found and b.id in found)

    for pair in compare_all(known, tau, assume_equal, wanted=asked):
        if strictness(pair.verdict) >= ORDER.index(level):
            found |= {pair.a.id, pair.b.id}
    return frozenset(found)


def _near(rows: pl.DataFrame, reach: float) -> Iterator[str]:
    """Those with a rival at a rate within reach (of logarithms): the first setup, without looking at every pair."""
    dense = pl.when(pl.col("kind") == "dense").then(1.0)
    for rate, size in zip(RATES, ("params_m", "flops_g"), strict=True):  # as `audited.as_result` works rates out
        base, small = (pl.when(pl.col(name) > 0).then(pl.col(name)) for name in (f"base_{size}", size))
        found = rows.select("dataset", "network", "method", "key", rate=pl.coalesce(dense, rate, base / small).log())
        places: defaultdict[tuple[str, str], list[tuple[float, str, str]]] = defaultdict(list)
        for dataset, network, method, key, value in found.drop_nulls().iter_rows():
            places[dataset, network].append((value, method, key))
        for there in places.values():
            yield from _with_rival(sorted(there), reach)


def _with_rival(ordered: Sequence[tuple[float, str, str]], reach: float) -> Iterator[str]:
    """The keys of (rate, method, key) that have one of another method within reach: a window slides over the rates."""
    inside: Counter[str] = Counter()
    first = last = 0
    for rate, method, key in ordered:
        while last < len(ordered) and ordered[last][0] - rate <= reach:
            inside[ordered[last][1]] += 1
            last += 1
        while rate - ordered[first][0] > reach:
            inside[ordered[first][1]] -= 1
            first += 1
        if last - first > inside[method]:
            yield key
