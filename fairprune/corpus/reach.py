"""Which results are comparable with a result of another method, and how strictly."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from fairprune.audit.result import Result
from fairprune.audit.setups import LEVELS, ORDER, RATES, Level, check_assumed, compare_all, strictness


def reaching(
    results: Mapping[str, Sequence[Result]], level: Level, tau: float = 0.05, assume_equal: Set[str] = frozenset()
) -> frozenset[str]:
    """The ids of the results, given by method, that reach at least a setup with a result of another method.

    The options are those of `setups.compare`.
    """
    check_assumed(assume_equal)
    method = {result.id: name for name, several in results.items() for result in several}
    needed = [field for each in ORDER[: ORDER.index(level) + 1] for field in LEVELS[each] if field not in assume_equal]
    known = [r for several in results.values() for r in several if all(getattr(r, n) is not None for n in needed)]
    if not assume_equal & {*RATES, *LEVELS["S1"]}:
        known = list(_near(known, method, math.log1p(tau) + 1e-12))
        if level == "S1":
            return frozenset(result.id for result in known)
    found: set[str] = set()

    def open_(a: Result, b: Result) -> bool:
        return method[a.id] != method[b.id] and not (a.id in found and b.id in found)

    for pair in compare_all(known, tau, assume_equal, wanted=open_):
        if strictness(pair.verdict) >= ORDER.index(level):
            found |= {pair.a.id, pair.b.id}
    return frozenset(found)


def _near(results: Iterable[Result], method: Mapping[str, str], reach: float) -> Iterator[Result]:
    """Those with a rival at a rate within reach (of logarithms): the first setup, without looking at every pair."""
    places: defaultdict[tuple[str | None, str | None], list[Result]] = defaultdict(list)
    for result in results:
        places[result.dataset, result.network].append(result)
    for there in places.values():
        rivals: set[str] = set()
        for rate in RATES:
            rivals |= _with_rival(
                [(math.log(x), r.id) for r in there if (x := getattr(r, rate)) is not None], method, reach
            )
        yield from (result for result in there if result.id in rivals)


def _with_rival(rates: Sequence[tuple[float, str]], method: Mapping[str, str], reach: float) -> set[str]:
    """The ids that have one of another method within reach: a window slides over the sorted rates."""
    ordered = sorted(rates)
    found = set()
    inside: Counter[str] = Counter()
    first = last = 0
    for rate, name in ordered:
        while last < len(ordered) and ordered[last][0] - rate <= reach:
            inside[method[ordered[last][1]]] += 1
            last += 1
        while rate - ordered[first][0] > reach:
            inside[method[ordered[first][1]]] -= 1
            first += 1
        if last - first > inside[method[name]]:
            found.add(name)
    return found
