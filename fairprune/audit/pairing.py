"""All pairs of results that may be compared, one by one. `fairprune.audit.pairs` has them in columns."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence, Set
from typing import Any

from fairprune.audit.result import Result
from fairprune.audit.setups import (
    LEVELS,
    RATES,
    How,
    Pair,
    Reading,
    Side,
    Verdict,
    flags_of,
    how_of,
    matched_of,
    sides_of,
    verdict_of,
)

Traits = tuple[Hashable, ...]  # what two results must share to meet; None, unknown, goes with anything


def compare_all(
    results: Iterable[Result],
    tau: float = 0.05,
    assume_equal: Set[str] = frozenset(),
    reading: Reading = "wang",
    *,
    wanted: Callable[[Result, Result], bool] = lambda _a, _b: True,
) -> Iterator[Pair]:
    """Every wanted pair that reaches S1, once, in the order of the results. The options are those of `compare`.

    Only results of one data set and network meet. Pairs have one verdict, if what it rests on is the same.
    """
    how, sides = how_of(tau, assume_equal, reading), sides_of(results)
    profiles: dict[Hashable, int] = {}
    numbers = [profiles.setdefault(profile(one, how), len(profiles)) for one in sides]
    verdicts: dict[Hashable, Verdict] = {}
    for place, others in meeting(sides, how):
        a = sides[place]
        for other in others:
            b = sides[other]
            matched = matched_of(a, b, how)
            if matched and wanted(a.result, b.result):
                flags = flags_of(a, b, how)
                key = (numbers[place], numbers[other], matched, flags)
                verdict = verdicts.get(key) or verdicts.setdefault(key, verdict_of(a, b, matched, flags, how))
                if verdict.setup:
                    yield Pair(a.result, b.result, verdict)


def profile(one: Side, how: How) -> tuple[Hashable, ...]:
    """All that verdicts name of a result, but for the values of its rates."""
    result = one.result
    base = result.base_top1 if "base_checkpoint" in how.granted else None
    return one.values, result.kind, base, *(getattr(result, rate) is None for rate in RATES)


def meeting(
    sides: Sequence[Side], how: How, traits: Callable[[Result], Traits] = lambda _: ()
) -> Iterator[tuple[int, array[int]]]:
    """The place of each that may be compared, and the places of those after it that it meets, in order.

    They are of one data set and network (where these are not granted), and their traits agree where they are known.
    """
    fixed = [field for field in LEVELS["S1"] if field not in how.granted]
    groups: defaultdict[tuple[Any, ...], list[int]] = defaultdict(list)
    for place, one in enumerate(sides):
        groups[tuple(getattr(one.result, field) for field in fixed)].append(place)
    for shared, group in groups.items():
        if None not in shared:
            keys = [traits(sides[place].result) for place in group]
            partners = _partners(group, keys)
            for place, key in zip(group, keys, strict=True):
                yield place, partners[key][bisect_right(partners[key], place) :]


def _partners(group: Sequence[int], keys: Sequence[Traits]) -> dict[Traits, array[int]]:
    """For every traits that are had in a group, the places of all that have such as agree, in order."""
    places: defaultdict[Traits, list[int]] = defaultdict(list)
    for place, key in zip(group, keys, strict=True):
        places[key].append(place)
    vague = [key for key in places if None in key]
    found = {}
    for key in places:
        among = dict.fromkeys(places if key in vague else [key, *vague])
        found[key] = array("q", sorted(place for other in among if _agree(key, other) for place in places[other]))
    return found


def _agree(one: Traits, other: Traits) -> bool:
    return all(x is None or y is None or x == y for x, y in zip(one, other, strict=True))
