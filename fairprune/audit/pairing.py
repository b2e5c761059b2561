"""All pairs of results that may be compared, and how comparable they are: for thousands of results."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from fairprune.audit.result import Result
from fairprune.audit.setups import (
    LEVELS,
    Flag,
    How,
    Pair,
    Rate,
    Reading,
    Side,
    Verdict,
    flags_of,
    how_of,
    matched_of,
    side,
    verdict_of,
)
from fairprune.schedules import Schedule

Traits = tuple[Hashable, ...]  # what two results must share to meet; None, unknown, goes with anything


def compare_all(
    results: Iterable[Result],
    tau: float = 0.05,
    assume_equal: Set[str] = frozenset(),
    reading: Reading = "wang",
    *,
    wanted: Callable[[Result, Result], bool] = lambda _a, _b: True,
    traits: Callable[[Result], Traits] = lambda _: (),
) -> Iterator[Pair]:
    """Every wanted pair that reaches S1, once, in the order of the results. The options are those of `compare`.

    Only results of one data set and network meet, whose `traits` agree where they are known: so many are affordable.
    """
    how = how_of(tau, assume_equal, reading)
    fixed = [field for field in LEVELS["S1"] if field not in assume_equal]
    groups: defaultdict[tuple[str | None, ...], list[Side]] = defaultdict(list)
    shared: dict[Schedule, Schedule] = {}
    for result in results:
        groups[tuple(getattr(result, field) for field in fixed)].append(side(result, shared))
    verdicts = _Verdicts(how)
    for key, group in groups.items():
        if None not in key:
            for a, b in _meeting(group, traits):
                matched = matched_of(a, b, how)
                if matched and wanted(a.result, b.result):
                    verdict = verdicts.of(a, b, matched)
                    if verdict.setup:
                        yield Pair(a.result, b.result, verdict)


def _meeting(group: Sequence[Side], traits: Callable[[Result], Traits]) -> Iterator[tuple[Side, Side]]:
    """Every two of a group whose traits agree where they are known."""
    keys = [traits(one.result) for one in group]
    places: defaultdict[Traits, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        places[key].append(place)
    vague = [key for key in places if None in key]
    partners = {key: _partners(key, list(places) if key in vague else [key, *vague], places) for key in places}
    for place, one in enumerate(group):
        others = partners[keys[place]]
        for other in others[bisect_right(others, place) :]:
            yield one, group[other]


def _partners(key: Traits, among: Iterable[Traits], places: dict[Traits, list[int]]) -> list[int]:
    """Places of those that results with these traits may meet, in order."""
    alike = (other for other in among if all(x is None or y is None or x == y for x, y in zip(key, other, strict=True)))
    return sorted(place for other in dict.fromkeys(alike) for place in places[other])


@dataclass(frozen=True)
class _Verdicts:
    """Verdicts by what they rest on, which many pairs have in common: one object for them all."""

    how: How
    profiles: dict[tuple[Any, ...], int] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)  # id of a side -> its profile
    known: dict[tuple[int, int, tuple[Rate, ...], tuple[Flag, ...]], Verdict] = field(default_factory=dict)

    def of(self, a: Side, b: Side, matched: tuple[Rate, ...]) -> Verdict:
        """How comparable two results are whose rates match so."""
        flags = flags_of(a, b, self.how)
        key = (self._profile(a), self._profile(b), matched, flags)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = verdict_of(a, b, matched, flags, self.how)
        return found

    def _profile(self, one: Side) -> int:
        """A number for all that verdicts name of a result, but for the values of its rates."""
        number = self.numbers.get(id(one))
        if number is None:
            base = one.result.base_top1 if "base_checkpoint" in self.how.granted else None
            said = (one.values, one.result.kind, base, *(rate is None for rate in one.rates))
            number = self.numbers[id(one)] = self.profiles.setdefault(said, len(self.profiles))
        return number
