"""Findings, the rules that make them, and the evidence that rules look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

from fairprune.audit.result import Result
from fairprune.audit.setups import Pair, Reading, compare_all

Severity = Literal["unfair", "caution", "note"]
SEVERITIES: Mapping[Severity, str] = {
    "unfair": "the comparison cannot carry the conclusion that it is made for",
    "caution": "the conclusion may stand, but less firmly than it looks",
    "note": "what a reader must know to read the numbers rightly",
}
CONTROLS = ("dense", "random", "magnitude")

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
    switched_off: frozenset[str] = frozenset()  # controls out of `CONTROLS`
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
            groups[place(result)].append(result)
        return {name: tuple(group) for name, group in groups.items()}

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """Pairs of results that reach S1 and share their target (where declared) and their seeds."""
        return tuple(compare_all(self.done, self.tau, self.assume_equal, self.reading, wanted=self._wanted))

    def _wanted(self, a: Result, b: Result) -> bool:
        """Seeds pair runs, and declared targets form classes, since a tolerance would chain."""
        sides = ((a.target, b.target), (a.base_seed, b.base_seed), (a.run_seed, b.run_seed))
        alike = all(x is None or y is None or x == y for x, y in sides)
        return alike and not (a.id in self.beside and b.id in self.beside)


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


def place(result: Result) -> str:
    """Network and data set in words."""
    name, at, digest = (result.dataset or "unknown data set").partition("@")
    split = f" (test split {digest[:6]})" if at else ""
    return f"{result.network or 'unknown network'} on {name}{split}"


def name(result: Result) -> str:
    """The method's name, or what stands for it."""
    return result.method or result.id


def at(result: Result) -> str:
    """How much was pruned: the declared target, or else the rates achieved."""
    rates = ((result.compression, "compression"), (result.speedup, "speedup"))
    known = " and ".join(f"{axis} {value:.4g}x" for value, axis in rates if value is not None)
    return str(result.target) if result.target else known or "an unknown rate"


def ids(results: Iterable[Result]) -> tuple[str, ...]:
    """The results' identifiers."""
    return tuple(result.id for result in results)


def listed(items: Iterable[str], most: int = 6) -> str:
    """The first few of the items, each once, and how many more there are."""
    unique = list(dict.fromkeys(items))
    return ", ".join(unique[:most]) + (f" and {len(unique) - most} more" if len(unique) > most else "")
