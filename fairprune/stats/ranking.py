"""The ranks that data allow: from comparisons of all pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from fairprune.stats.contrasts import Contrast


@dataclass(frozen=True)
class Rank:
    """The ranks that the data allow a method, `best` to `worst`; 1 is the best."""

    method: str
    best: int
    worst: int


def ranks(pairs: Iterable[Contrast], methods: Sequence[str], *, higher_is_better: bool = True) -> tuple[Rank, ...]:
    """The ranks of some methods among themselves, best estimate first, out of `all_pairs` of a table that holds them.

    As many ranks lie before a method's as methods are separated from it and better, as many behind as are worse. These
    are its places in all orders that agree with every separated pair: they hold together, at the level of the pairs
    (Al Mohamad, Goeman and van Zwet 2022, with Tukey's test). The order of the estimates is one of these orders, and
    two methods that are not separated share a rank. Raises ValueError where a pair is missing or not estimable.
    """
    known = {(c.method, c.control): c for c in pairs if c.verdict != "not estimable"}
    known |= {(b, a): c for (a, b), c in known.items()}
    if any(pair not in known for pair in combinations(methods, 2)):
        raise ValueError(f"expected a contrast that can be estimated for every two of {', '.join(methods)}")
    ahead: dict[str, int] = dict.fromkeys(methods, 0)
    behind: dict[str, int] = dict.fromkeys(methods, 0)
    estimates: dict[str, float] = dict.fromkeys(methods, 0.0)  # over the first method
    for a, b in combinations(methods, 2):
        contrast = known[a, b]
        winner, loser = (a, b) if (contrast.verdict == "better") == (contrast.method == a) else (b, a)
        if contrast.verdict != "not separated":
            ahead[loser] += 1
            behind[winner] += 1
        if a == methods[0]:
            assert contrast.difference is not None
            estimates[b] = contrast.difference if contrast.method == b else -contrast.difference
    order = sorted(methods, key=estimates.__getitem__, reverse=higher_is_better)
    return tuple(Rank(name, 1 + ahead[name], len(methods) - behind[name]) for name in order)
