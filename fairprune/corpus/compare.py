"""Two methods in the literature: which of their results can be compared, at which setup, and what blocks the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import polars as pl

from fairprune.audit.pairing import compare_all
from fairprune.audit.result import Result
from fairprune.audit.setups import LEVELS, RATES, Pair, check_assumed, strictness
from fairprune.corpus.audited import as_result
from fairprune.corpus.names import names_of
from fairprune.corpus.naming import naming
from fairprune.corpus.replicates import averaged
from fairprune.corpus.tables import Corpus
from fairprune.errors import CorpusError, unknown

METRICS = ("top1", "top1_change", "top5", "top5_change")
APART = "at rates that do not match"


@dataclass(frozen=True)
class Compared:
    """Two results that reach S1, in the order of the methods, and what both report: metric -> (a, b).

    `top1` and `top5` are percent, `top1_change` and `top5_change` points, final minus base.
    """

    pair: Pair
    labels: tuple[str, str]  # variant, setting and paper
    metrics: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Comparison:
    """All pairs of results of two methods: those that reach S1, strictest first, and how many do not, by reason."""

    a: str
    b: str
    results: tuple[int, int]
    pairs: tuple[Compared, ...]
    incomparable: Mapping[str, int]
    tau: float
    assume_equal: frozenset[str]


def compare(corpus: Corpus, a: str, b: str, tau: float = 0.05, assume_equal: Set[str] = frozenset()) -> Comparison:
    """Every pair of results of two methods, given by key, name or other name, `METHOD:VARIANT` for one variant.

    Single runs of one setting are one result, their mean. The options are those of `setups.compare`. Raises SpecError
    or CorpusError for names that mean nothing, and for a method without results.
    """
    check_assumed(assume_equal)
    one, other = (averaged(_of_method(corpus, name)) for name in (a, b))
    if not one.join(other, on="key", how="semi").is_empty():
        raise CorpusError(f"'{a}' and '{b}' share results: a comparison needs two methods, or two variants of one")
    names = names_of(corpus)
    mine, theirs = ([as_result(row, names) for row in rows.iter_rows(named=True)] for rows in (one, other))
    own = {result.id for result in mine}
    pairs = list(compare_all([*mine, *theirs], tau, assume_equal, wanted=lambda x, y: x.id in own and y.id not in own))
    said = {row["key"]: row for rows in (one, other) for row in rows.iter_rows(named=True)}
    compared = [_said(pair, said[pair.a.id], said[pair.b.id]) for pair in pairs]
    return Comparison(
        a,
        b,
        (len(mine), len(theirs)),
        tuple(sorted(compared, key=_order)),
        _reasons(mine, theirs, len(pairs), assume_equal),
        tau,
        frozenset(assume_equal),
    )


def _of_method(corpus: Corpus, name: str) -> pl.DataFrame:
    called, results = naming(corpus)["method"], corpus["results"]
    method, colon, variant = name.rpartition(":")
    whole = not colon or name in called.keys | called.written.keys()
    key = called.key("method", name if whole else method)
    found = results.filter(pl.col("method") == key)
    if not whole:
        known = found["variant"].drop_nulls().unique().to_list()
        if variant not in known:
            raise CorpusError(unknown(f"variant of {key}", variant, known))
        found = found.filter(pl.col("variant") == variant)
    if found.is_empty():
        raise CorpusError(f"the corpus has no result of '{name}'")
    return found


def _said(pair: Pair, a: Mapping[str, Any], b: Mapping[str, Any]) -> Compared:
    one, other = metrics_of(a), metrics_of(b)
    labels = [", ".join(row[name] for name in ("variant", "setting", "paper") if row[name]) for row in (a, b)]
    both = {name: (one[name], other[name]) for name in METRICS if name in one and name in other}
    return Compared(pair, (labels[0], labels[1]), both)


def _order(each: Compared) -> tuple[Any, ...]:
    """The strictest first, then by place and rate."""
    pair = each.pair
    return -strictness(pair.verdict), pair.a.place, pair.a.speedup or 0, pair.a.compression or 0, pair.a.id, pair.b.id


def metrics_of(row: Mapping[str, Any]) -> Mapping[str, float]:
    """What a row reports; a change also where accuracy and base give it, and the other way round."""
    found = {name: row[name] for name in METRICS}
    for top in ("top1", "top5"):
        base, change = row[f"base_{top}"], f"{top}_change"
        if base is not None and found[change] is None and found[top] is not None:
            found[change] = found[top] - base
        elif base is not None and found[top] is None and found[change] is not None:
            found[top] = base + found[change]
    return {name: round(value, 6) for name, value in found.items() if value is not None}


def _reasons(a: Sequence[Result], b: Sequence[Result], compared: int, granted: Set[str]) -> Mapping[str, int]:
    """How many pairs do not reach S1, by the first reason."""
    found: Counter[str] = Counter()
    sides = (Counter(map(_what_matters, results)) for results in (a, b))
    one, other = (list(side.items()) for side in sides)
    for (x, many), (y, more) in ((x, y) for x in one for y in other):
        found[_reason(x, y, granted)] += many * more
    found[APART] -= compared
    return {reason: number for reason, number in found.items() if number}


def _what_matters(result: Result) -> tuple[Any, ...]:
    """Data set, network, and which rates are known."""
    return (*(getattr(result, field) for field in LEVELS["S1"]), *(getattr(result, rate) is not None for rate in RATES))


def _reason(x: Sequence[Any], y: Sequence[Any], granted: Set[str]) -> str:
    for field, one, other in zip(LEVELS["S1"], x, y, strict=False):
        if one is None or other is None:
            if field not in granted:
                return "of an unknown data set or network"
        elif one != other:
            return "on another data set or network"
    number = len(LEVELS["S1"])
    common = (
        rate in granted or (one and other) for rate, one, other in zip(RATES, x[number:], y[number:], strict=True)
    )
    return APART if any(common) else "with no rate known of both"


def places(results: Iterable[Compared]) -> Mapping[str, list[Compared]]:
    """Compared results by network and data set."""
    found: dict[str, list[Compared]] = {}
    for each in results:
        found.setdefault(each.pair.a.place, []).append(each)
    return found
