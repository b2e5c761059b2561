"""Findings, the rules that make them, and the evidence that rules look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np

from fairprune.audit.pairing import Traits
from fairprune.audit.pairs import Pairs, Whole
from fairprune.audit.result import Result
from fairprune.audit.rivals import spots, strictest
from fairprune.audit.setups import Pair, Reading
from fairprune.audit.tabled import pair_all

Severity = Literal["unfair", "caution", "note"]
SEVERITIES: Mapping[Severity, str] = {
    "unfair": "the comparison cannot carry the conclusion that it is made for",
    "caution": "the conclusion may stand, but less firmly than it looks",
    "note": "what a reader must know to read the numbers rightly",
}

Said = tuple[Sequence[str], str]  # ids of the results, and the text


@dataclass(frozen=True)
class Finding:
    """What one rule says about some results."""

    rule: str
    severity: Severity
    ids: tuple[str, ...]
    text: str


class Contrast(Protocol):
    """A method against the declared control, as the statistics judged it. Names are the study's."""

    @property
    def task(self) -> str:
        """Data set and network."""

    @property
    def recipe(self) -> str:
        """The retraining."""

    @property
    def method(self) -> str:
        """The method."""

    @property
    def target(self) -> str:
        """The target's text, as `str(Target)` gives it."""

    @property
    def verdict(self) -> str:
        """One of: better, worse, not separated, not estimable."""

    @property
    def holds_on_other_images(self) -> bool | None:
        """Whether a separated difference stays so with the sampling of test images; None: not separated, not known."""


@dataclass(frozen=True)
class StudyFacts:
    """What a study declared before it ran. None or empty: not declared."""

    control: str | None = None
    axis: str | None = None
    targets: tuple[float, ...] = ()
    endpoint: str | None = None
    seeds: int | None = None
    switched_off: frozenset[str] = frozenset()  # controls: dense, random, magnitude
    exploratory: bool = False  # targets or endpoint changed after the first result


@dataclass(frozen=True)
class Evidence:
    """All that rules look at. `facts` is None for results that no study of ours declared."""

    results: tuple[Result, ...]
    facts: StudyFacts | None = None
    contrasts: tuple[Contrast, ...] = ()
    tau: float = 0.05
    assume_equal: frozenset[str] = frozenset()
    reading: Reading = "wang"
    beside: frozenset[str] = frozenset()  # ids of results that others are compared with, not they among themselves

    @cached_property
    def done(self) -> tuple[Result, ...]:
        """The results that ended."""
        return tuple(result for result in self.results if result.status == "done")

    @cached_property
    def places(self) -> Mapping[str, tuple[Result, ...]]:
        """The results that ended by what they may be compared within: "NETWORK on DATASET"."""
        groups: defaultdict[str, list[Result]] = defaultdict(list)
        for result in self.done:
            groups[result.place].append(result)
        return {name: tuple(group) for name, group in groups.items()}

    @cached_property
    def pruned(self) -> Mapping[str, tuple[Result, ...]]:
        """The pruned ones among them, where there are any."""
        groups = {where: tuple(r for r in group if r.kind == "prune") for where, group in self.places.items()}
        return {where: group for where, group in groups.items() if group}

    @cached_property
    def judged(self) -> Mapping[tuple[str | None, str | None, str], tuple[Result, ...]]:
        """The results that ended by what contrasts are between: task, recipe, target in words."""
        groups: defaultdict[tuple[str | None, str | None, str], list[Result]] = defaultdict(list)
        for result in self.done:
            groups[result.task, result.recipe, str(result.target)].append(result)
        return {key: tuple(group) for key, group in groups.items()}

    @cached_property
    def pairs(self) -> Pairs:
        """Pairs of results that reach S1 and share their target (where declared) and their seeds."""
        found = pair_all(self.done, self.tau, self.assume_equal, self.reading, traits=_traits)
        beside = np.array([result.id in self.beside for result in self.done], dtype=bool)
        return found.only(~(beside[found.a] & beside[found.b])) if self.beside else found

    @cached_property
    def rivals(self) -> Pairs:
        """Of each two pruning methods at each rate the strictest pair, since recipes are an axis of a study."""
        return strictest(self.pairs, self._spots)

    def spots(self, pairs: Pairs) -> Whole:
        """For some of `pairs` a number for network and data set, the two methods, and how much was pruned."""
        return self._spots[np.searchsorted(self.pairs.rows, pairs.rows)]

    @cached_property
    def _spots(self) -> Whole:
        return spots(self.pairs)


@dataclass(frozen=True)
class Case:
    """An example in words and as evidence."""

    text: str
    evidence: Evidence


@dataclass(frozen=True)
class Rule:
    """One rule: why it exists, how it is checked, and an example of each outcome."""

    id: str
    severity: Severity
    reason: str
    check: Callable[[Evidence], Iterable[Said]]
    violation: Case
    passing: Case

    def findings(self, evidence: Evidence) -> tuple[Finding, ...]:
        """What the rule says about the evidence."""
        return tuple(Finding(self.id, self.severity, tuple(ids), text) for ids, text in self.check(evidence))


def _traits(result: Result) -> Traits:
    """Seeds pair runs, and declared targets form classes, since a tolerance would chain."""
    target = result.target and (result.target.axis, result.target.value)
    return target, result.base_seed, result.run_seed


def ids(results: Iterable[Result]) -> tuple[str, ...]:
    """The results' identifiers."""
    return tuple(result.id for result in results)


def listed(items: Iterable[str], most: int = 6) -> str:
    """The first few of the items, each once, and how many more there are."""
    unique = list(dict.fromkeys(items))
    return ", ".join(unique[:most]) + (f" and {len(unique) - most} more" if len(unique) > most else "")


def by_place(pairs: Pairs) -> Mapping[str, Pairs]:
    """Pairs by network and data set."""
    return pairs.split(lambda pair: pair.a.place, lambda result: result.place)


def pair_ids(pairs: Iterable[Pair]) -> tuple[str, ...]:
    """The identifiers of all results in the pairs, each once."""
    return tuple(dict.fromkeys(result.id for pair in pairs for result in (pair.a, pair.b)))


def by_value(values: Iterable[tuple[str, str]]) -> str:
    """Values and who has them: "sgd (l1_norm, taylor), adam (greg1)"."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for value, who in values:
        groups[value].append(who)
    return listed(f"{value} ({listed(who, 3)})" for value, who in groups.items())
