"""What the literature never measured: methods on networks and data sets, in the order of how much each would connect.

Two methods are comparable at all where both were measured on one network and data set, a place. A hole is a method at
a place where others were measured. Filled, it makes the method comparable with those of them that it shares no place
with yet. The order is greedy: the next hole is the one with most pairs that no hole before it has made comparable. What
holes make comparable with published results is a union of sets of pairs, so the first n make at least 1 - 1/e of what
the best n could (Nemhauser et al. 1978). Two holes at one place make their methods comparable besides: `together`.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import polars as pl

from fairprune.corpus.schema import TableName
from fairprune.corpus.tables import Corpus

NEEDED: tuple[TableName, ...] = ("methods", "networks", "datasets", "results", "comparisons")

Place = tuple[str, str]  # network and data set
Wanted = Callable[[str, Place], bool]  # a method at a place


@dataclass(frozen=True)
class Literature:
    """Who was measured where: methods and places with the papers that use them, and the methods at each place."""

    methods: Mapping[str, int]
    places: Mapping[Place, int]
    at: Mapping[Place, frozenset[str]]

    @property
    def measured(self) -> int:
        """Methods at places that are measured."""
        return sum(map(len, self.at.values()))

    @property
    def pairs(self) -> int:
        """Pairs of methods."""
        return len(self.methods) * (len(self.methods) - 1) // 2

    @cached_property
    def comparable(self) -> int:
        """Pairs of methods that share a place."""
        return sum(len(others) - 1 for others in _acquainted(self).values()) // 2


@dataclass(frozen=True)
class Hole:
    """A method that was never measured at a place where others were."""

    method: str
    network: str
    dataset: str
    joins: tuple[str, ...]  # methods measured there that it can be compared with for the first time, after those before
    alone: int  # how many those are if this hole alone is filled
    papers: int  # papers with results of pruned networks at the place


def literature(corpus: Corpus, least: int = 1) -> Literature:
    """Methods, networks and data sets that at least so many papers use; it needs the tables `NEEDED`.

    Results of pruned networks count, not those of dense ones and of networks trained from scratch. One without numbers
    counts, since someone has measured it, whether or not it was typed in. A paper uses a network or data set that it
    has such a result on, and a method that it has one of or whose paper it compares with.
    """
    rows = corpus["results"].filter(kind="prune")
    methods = {key: n for key, n in _method_papers(corpus, rows).items() if n >= least}
    networks, datasets = (_often(rows, column, least) for column in ("network", "dataset"))
    used = rows.filter(pl.col("network").is_in(networks) & pl.col("dataset").is_in(datasets))
    papers: defaultdict[Place, set[str]] = defaultdict(set)
    at: defaultdict[Place, set[str]] = defaultdict(set)
    for paper, method, network, dataset in used.select("paper", "method", "network", "dataset").iter_rows():
        papers[network, dataset].add(paper)
        if method in methods:
            at[network, dataset].add(method)
    places = {place: len(found) for place, found in sorted(papers.items())}
    return Literature(methods, places, {place: frozenset(at[place]) for place in places})


def holes(known: Literature, wanted: Wanted = lambda _method, _place: True) -> Iterator[Hole]:
    """All holes that are wanted. Those that join as many come by popularity.

    That is of the place, then of the method, each by how many papers use it, and at last by name.
    """
    acquainted = _acquainted(known)

    def entry(method: str, place: Place) -> tuple[int, int, int, str, Place]:
        joins = len(known.at[place] - acquainted[method])
        return -joins, -known.places[place], -known.methods[method], method, place

    cells = ((m, place) for m in known.methods for place, there in known.at.items() if there and m not in there)
    waiting = [(found, found[0]) for found in (entry(*cell) for cell in cells if wanted(*cell))]
    heapq.heapify(waiting)
    while waiting:
        found, alone = heapq.heappop(waiting)
        *_, method, place = found
        now = entry(method, place)
        if now != found:  # holes before it have joined some of those; it can only be fewer
            heapq.heappush(waiting, (now, alone))
            continue
        joined = known.at[place] - acquainted[method]
        joins = sorted(joined, key=lambda other: (-known.methods[other], other))
        yield Hole(method, *place, tuple(joins), -alone, known.places[place])
        acquainted[method] |= joined
        for other in joined:
            acquainted[other].add(method)


def first(found: Iterable[Hole], top: int) -> tuple[Hole, ...]:
    """The first so many holes."""
    return tuple(islice(found, top))


def together(known: Literature, filled: Iterable[Hole]) -> int:
    """How many pairs of methods become comparable if all these holes are filled, pairs of two holes among them."""
    at = dict(known.at)
    for hole in filled:
        at[hole.network, hole.dataset] |= {hole.method}
    return Literature(known.methods, known.places, at).comparable - known.comparable


def _acquainted(known: Literature) -> dict[str, set[str]]:
    """Each method with all those that it shares a place with, itself among them."""
    found = {method: {method} for method in known.methods}
    for there in known.at.values():
        for method in there:
            found[method] |= there
    return found


def _method_papers(corpus: Corpus, rows: pl.DataFrame) -> Mapping[str, int]:
    """How many papers use each method."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for method, paper in rows.select("method", "paper").drop_nulls().iter_rows():
        found[method].add(paper)
    by: defaultdict[str, set[str]] = defaultdict(set)
    for paper, other in corpus["comparisons"].select("paper", "compared_to").iter_rows():
        by[other] |= {paper} - {other}
    papers = dict(corpus["methods"].select("key", "paper").iter_rows())
    return {key: len(found[key] | by[paper or ""]) for key, paper in papers.items()}


def _often(rows: pl.DataFrame, column: str, least: int) -> Set[str]:
    """What at least so many papers have results on."""
    pairs = rows.select(column, "paper").drop_nulls().unique()
    return {key for key, number in Counter(pairs[column]).items() if number >= least}
