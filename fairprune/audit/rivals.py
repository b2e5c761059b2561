"""Which pairs stand for two methods: of all pairs at one rate, the strictest."""

from __future__ import annotations

from operator import attrgetter

import numpy as np

from fairprune.audit.pairs import Pairs, Whole, distinct
from fairprune.audit.setups import Verdict, strictness


def spots(pairs: Pairs) -> Whole:
    """A number for network and data set, the two methods, and how much was pruned, of each pair."""
    places, names, amounts = (pairs.numbers(attrgetter(field)) for field in ("place", "name", "amount"))
    aimed = np.array([result.target is not None for result in pairs.results], dtype=bool)
    a, b = pairs.a, pairs.b
    one = amounts[np.where(aimed[b] & ~aimed[a], b, a)]  # a declared target stands for both
    other = amounts[np.where(aimed[a], a, b)]
    sides = ((names[a], names[b]), (one, other))
    return distinct(places[a], *(order(x, y) for x, y in sides for order in (np.minimum, np.maximum)))[1]


def strictest(pairs: Pairs, spot: Whole) -> Pairs:
    """Of two pruning methods at each spot the strictest pair, in the order in which methods meet.

    Of two as strict, the one with less in its way; of these, the first.
    """
    pruned = np.array([result.kind == "prune" for result in pairs.results], dtype=bool)
    names = pairs.numbers(attrgetter("name"))
    of_two = np.flatnonzero(pruned[pairs.a] & pruned[pairs.b] & (names[pairs.a] != names[pairs.b]))
    merit = np.array([_merit(verdict) for verdict in pairs.verdicts], dtype=np.int64)[pairs.kind[of_two]]
    order = np.lexsort((-merit, spot[of_two]))
    best = np.flatnonzero(np.diff(spot[of_two][order], prepend=-1))
    met = np.minimum.reduceat(order, best) if len(best) else best
    return pairs.only(of_two[order[best[np.argsort(met)]]])


def _merit(verdict: Verdict) -> int:
    return 1000 * strictness(verdict) - len(verdict.blocked_by)
