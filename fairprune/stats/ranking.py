"""The ranks that data allow: from comparisons of all pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairprune.stats.judged import Judged


@dataclass(frozen=True)
class Rank:
    """The ranks that the data allow a method, `best` to `worst`; 1 is the best."""

    method: str
    best: int
    worst: int


def ranks(pairs: Judged, methods: Sequence[str], *, higher_is_better: bool = True) -> tuple[Rank, ...]:
    """The ranks of some methods among themselves, best estimate first, out of `all_pairs` of a table that holds them.

    As many ranks lie before a method's as methods are separated from it and better, as many behind as are worse. These
    are its places in all orders that agree with every separated pair: they hold together, at the level of the pairs
    (Al Mohamad, Goeman and van Zwet 2022, with Tukey's test). The order of the estimates is one of these orders, and
    two methods that are not separated share a rank. Raises ValueError where a pair is missing or not estimable.
    """
    if why_unknown(pairs, methods) is not None:
        raise ValueError(f"expected a contrast that can be estimated for every two of {', '.join(methods)}")
    if not methods:
        return ()
    among = np.array([pairs.names.index(name) for name in methods])
    better, difference = np.zeros((len(pairs.names),) * 2, dtype=np.int64), np.zeros((len(pairs.names),) * 2)
    better[pairs.first, pairs.second], better[pairs.second, pairs.first] = pairs.better, -pairs.better
    difference[pairs.first, pairs.second], difference[pairs.second, pairs.first] = pairs.difference, -pairs.difference
    better, estimates = better[np.ix_(among, among)], difference[among, among[0]]
    ahead, behind = (better < 0).sum(axis=1), (better > 0).sum(axis=1)
    order = np.argsort(-estimates if higher_is_better else estimates, kind="stable")
    return tuple(Rank(methods[n], 1 + int(ahead[n]), len(methods) - int(behind[n])) for n in order)


def why_unknown(pairs: Judged, methods: Sequence[str]) -> str | None:
    """Why the first pair of some methods, of which there is one, cannot be estimated; None: all can."""
    if not pairs.reasons and set(methods) <= set(pairs.names):
        return None
    known = {
        (pairs.names[a], pairs.names[b]): n for n, (a, b) in enumerate(zip(pairs.first, pairs.second, strict=True))
    }
    found = [known.get((a, b), known.get((b, a), -1)) for n, a in enumerate(methods) for b in methods[n + 1 :]]
    unknown = [n for n in sorted(found) if n < 0 or n in pairs.reasons]
    return pairs.reasons.get(unknown[0], "it is missing") if unknown else None
