"""All pairs of results that may be compared, in columns: for thousands of results."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairprune.audit.matching import rates_match, same_cost, same_epochs, same_schedule
from fairprune.audit.pairing import Traits, meeting, profile
from fairprune.audit.pairs import Pairs, Whole, distinct, numbered
from fairprune.audit.result import Result
from fairprune.audit.setups import FLAGS, RATES, How, Reading, Side, how_of, sides_of, verdict_of

AT_ONCE = 1_000_000  # pairs whose rates are compared together


def pair_all(
    results: Iterable[Result],
    tau: float = 0.05,
    assume_equal: Set[str] = frozenset(),
    reading: Reading = "wang",
    *,
    traits: Callable[[Result], Traits] = lambda _: (),
) -> Pairs:
    """The pairs of `compare_all` whose `traits` agree where they are known: so many are affordable."""
    how, sides = how_of(tau, assume_equal, reading), sides_of(results)
    a, b = _matching(sides, traits, how)
    matched = _bits(_matched(_rates(sides), a, b, how))
    flags = _bits(_flagged(sides, a, b, how))
    profiles = numbered(profile(one, how) for one in sides)
    first, kind = distinct(matched, flags, profiles[a], profiles[b])
    verdicts = [
        verdict_of(sides[a[n]], sides[b[n]], _named(RATES, matched[n]), _named(FLAGS, flags[n]), how) for n in first
    ]
    reached = np.array([verdict.setup is not None for verdict in verdicts], dtype=bool)[kind]
    return Pairs(tuple(one.result for one in sides), verdicts, (a, b, kind), np.flatnonzero(reached))


def _matching(sides: Sequence[Side], traits: Callable[[Result], Traits], how: How) -> tuple[Whole, Whole]:
    """Places of those that meet and have a rate that matches."""
    rates = _rates(sides)
    found = [_near(rates, a, b, how) for a, b in _met(sides, traits, how)]
    return np.concatenate([a for a, _ in found]), np.concatenate([b for _, b in found])


def _near(rates: NDArray[np.float64], a: Whole, b: Whole, how: How) -> tuple[Whole, Whole]:
    near = np.logical_or(*_matched(rates, a, b, how))
    return a[near], b[near]


def _met(sides: Sequence[Side], traits: Callable[[Result], Traits], how: How) -> Iterator[tuple[Whole, Whole]]:
    """Places of those that meet, some at a time."""
    places, many, others = list[int](), list[int](), array("q")
    for place, after in meeting(sides, how, traits):
        places.append(place)
        many.append(len(after))
        others.extend(after)
        if len(others) > AT_ONCE:
            yield np.repeat(places, many), np.asarray(others)
            places, many, others = [], [], array("q")
    yield np.repeat(np.array(places, dtype=np.int64), np.array(many, dtype=np.int64)), np.asarray(others)


def _rates(sides: Sequence[Side]) -> NDArray[np.float64]:
    """A row for each of `RATES`: logarithms."""
    return np.array([one.rates for one in sides]).reshape(-1, len(RATES)).T


def _matched(rates: NDArray[np.float64], a: Whole, b: Whole, how: How) -> list[NDArray[np.bool_]]:
    """For every rate which pairs match."""
    names = zip(RATES, rates, strict=True)
    return [rates_match(rate[a], rate[b], how.reach, granted=name in how.granted) for name, rate in names]


def _flagged(sides: Sequence[Side], a: Whole, b: Whole, how: How) -> Iterator[NDArray[np.bool_]]:
    """For every flag which pairs share it."""
    epochs = np.array([one.epochs for one in sides])
    yield same_epochs(epochs[a], epochs[b])
    scratch = np.array([one.result.kind == "scratch" for one in sides], dtype=bool)
    mixed = scratch[a] != scratch[b]
    which = np.flatnonzero(mixed)
    whole, short = np.array([one.budgets for one in sides]).reshape(-1, 2, 2).transpose(1, 2, 0)
    cost = _same_cost(whole, a, b, short=False)
    if how.reading == "liu":
        cost[which] = _same_cost(short, a[which], b[which], short=True)
    yield cost
    overall = np.zeros(len(a), dtype=bool)
    schedules = numbered(one.result.schedule if mixed.any() else None for one in sides)
    first, kind = distinct(schedules[a[which]], schedules[b[which]])
    alike = [same_schedule(sides[a[n]].result, sides[b[n]].result) for n in which[first]]
    overall[which] = np.array(alike, dtype=bool)[kind]
    yield overall


def _same_cost(budgets: NDArray[np.float64], a: Whole, b: Whole, *, short: bool) -> NDArray[np.bool_]:
    (cost, large), (other, largest) = budgets[:, a], budgets[:, b]
    found: NDArray[np.bool_] = same_cost(cost, large, other, largest, short)
    return found


def _bits(flags: Iterable[NDArray[np.bool_]]) -> Whole:
    """One number for several yes or no."""
    found: Whole = np.sum([flag.astype(np.int8) << n for n, flag in enumerate(flags)], axis=0)
    return found


def _named(names: Sequence[Any], bits: int) -> tuple[Any, ...]:
    return tuple(name for n, name in enumerate(names) if bits >> n & 1)
