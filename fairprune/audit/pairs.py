"""Pairs of results in columns, since there may be millions.

What depends on few of their fields is asked once for all pairs that are equal in these.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairprune.audit.result import Result
from fairprune.audit.setups import Pair, Verdict

Whole = NDArray[np.integer[Any]]
Of = Callable[[Result], Hashable]


@dataclass(frozen=True)
class Pairs:
    """Some pairs of results with their verdicts, in order: `rows` of three columns that hold places in two lists."""

    results: Sequence[Result]
    verdicts: Sequence[Verdict]
    columns: tuple[Whole, Whole, Whole]  # of results, of results, of verdicts
    rows: Whole

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Pair]:
        columns = (self.a.tolist(), self.b.tolist(), self.kind.tolist())
        return (Pair(self.results[a], self.results[b], self.verdicts[n]) for a, b, n in zip(*columns, strict=True))

    @cached_property
    def a(self) -> Whole:
        """Places of the first results."""
        return self.columns[0][self.rows]

    @cached_property
    def b(self) -> Whole:
        """Places of the second results."""
        return self.columns[1][self.rows]

    @cached_property
    def kind(self) -> Whole:
        """Places of the verdicts."""
        return self.columns[2][self.rows]

    def only(self, which: NDArray[Any]) -> Pairs:
        """Those of a mask, or at places among these, in the places' order."""
        return replace(self, rows=self.rows[which])

    def and_then(self, others: Pairs) -> Pairs:
        """These, and after them others of the same results."""
        return replace(self, rows=np.concatenate([self.rows, others.rows]))

    def numbers(self, of: Of) -> Whole:
        """For each of the results a number, equal for those that are equal in `of`."""
        return numbered(map(of, self.results))

    def alike(self, of: Of) -> Pairs:
        """Those whose results are equal in `of`."""
        numbers = self.numbers(of)
        return self.only(numbers[self.a] == numbers[self.b])

    def unlike(self, of: Of) -> Pairs:
        """Those whose results are not."""
        numbers = self.numbers(of)
        return self.only(numbers[self.a] != numbers[self.b])

    def split(self, tell: Callable[[Pair], Any], of: Of | None = None) -> Mapping[Any, Pairs]:
        """These by what `tell` says, in the order in which that is first said.

        It may look at verdicts, and of results at `of` alone: it is asked once for all that are equal in both.
        """
        numbers = None if of is None else self.numbers(of)
        first, which = distinct(self.kind, *(() if numbers is None else (numbers[self.a], numbers[self.b])))
        said = list(map(tell, self.only(first)))
        groups: dict[Any, int] = {}
        for place in np.argsort(first).tolist():
            groups.setdefault(said[place], len(groups))
        if len(groups) == 1:
            return dict.fromkeys(groups, self)
        small = np.min_scalar_type(len(groups))  # which numpy sorts quickly
        group = np.array([groups[each] for each in said], dtype=small)[which]
        ordered = np.argsort(group, kind="stable")
        ends = np.searchsorted(group[ordered], np.arange(1, len(groups), dtype=small))
        return {value: self.only(part) for value, part in zip(groups, np.split(ordered, ends), strict=False)}

    def that(self, test: Callable[[Pair], Any], of: Of | None = None) -> Pairs:
        """Those of which the test holds. It may look at what `tell` of `split` may look at."""
        found = self.split(lambda pair: bool(test(pair)), of)
        return found[True] if True in found else self.only(np.array([], dtype=np.int64))

    def telling(self) -> Pairs:
        """Those that show a result with a verdict on its side for the first time: enough to list who and what."""
        sides = (distinct(self.kind, side)[0] for side in (self.a, self.b))
        return self.only(np.union1d(*sides))


def numbered(values: Iterable[Hashable]) -> Whole:
    """A number for every value, from 0 in the order of first appearance; equal values have equal ones."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)


def distinct(*columns: NDArray[Any]) -> tuple[Whole, Whole]:
    """Where each combination of whole numbers (0 or more) first stands in columns, and for each place which it has."""
    code: Whole = np.zeros(len(columns[0]), dtype=np.int64)
    span = 1
    for column in columns:
        width = int(column.max(initial=0)) + 1
        if span * width > 2**62:
            code, span = _ranked(code)
        code, span = code * width + column, span * width
    if span > len(code) + 1000:
        code, span = _ranked(code)
    first = np.full(span, -1)
    first[code[::-1]] = np.arange(len(code))[::-1]  # of several at one place the last stays
    there = np.flatnonzero(first >= 0)
    rank = np.zeros(span, dtype=np.int64)
    rank[there] = np.arange(len(there))
    return first[there], rank[code]


def _ranked(code: Whole) -> tuple[Whole, int]:
    """Numbers by their ranks, and how many ranks there are."""
    values, ranks = np.unique(code, return_inverse=True)
    return ranks, len(values)
