"""Comparison setups: what two results share, and what keeps them from sharing more.

The levels S1 < S2 < S3.1 < S3.2 < S4.1 < S4.2 and the flags SX-A, SX-B and S4.2-overall beside them are those of
Wang et al. 2023 (arXiv:2301.05219). An unknown value establishes nothing. Ours are the tolerance `tau` of the rates
(5 %), half an epoch of the largest network trained for SX-B, that S3.2 checks the whole recipe of retraining, and that
base models whose accuracies differ by more than printing explains are known to differ, so none can be assumed equal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any, Literal, NamedTuple

from fairprune.audit.matching import rates_match, same_cost, same_epochs, same_schedule
from fairprune.audit.result import STAGES, Result
from fairprune.errors import SpecError, unknown
from fairprune.schedules import Schedule, same

Level = Literal["S1", "S2", "S3.1", "S3.2", "S4.1", "S4.2"]
Flag = Literal["SX-A", "SX-B", "S4.2-overall"]
Rate = Literal["compression", "speedup"]
Reading = Literal["wang", "liu"]

RATES: tuple[Rate, ...] = ("compression", "speedup")
FLAGS: tuple[Flag, ...] = ("SX-A", "SX-B", "S4.2-overall")
LEVELS: dict[Level, tuple[str, ...]] = {  # what each level adds to those before it, besides the rates of S1
    "S1": ("dataset", "network"),
    "S2": ("base_checkpoint",),
    "S3.1": ("retrain_epochs",),
    "S3.2": ("retrain_schedule", "optimizer", "momentum", "weight_decay", "batch_size", "augmentation"),
    "S4.1": ("prune_epochs",),
    "S4.2": ("prune_schedule",),
}
ORDER: tuple[Level, ...] = tuple(LEVELS)
_FIELDS = tuple((ORDER.index(level), field) for level, names in LEVELS.items() for field in names)
_VALUES = attrgetter(*(field for _, field in _FIELDS))
_SCHEDULES = tuple(n for n, (_, field) in enumerate(_FIELDS) if field.endswith("_schedule"))
_SAME_BASE = 0.05  # percentage points: 76.1 may be 76.13, which is also printed as 76.15
ASSUMABLE = (*RATES, *(field for names in LEVELS.values() for field in names))


@dataclass(frozen=True)
class Blocked:
    """A field that keeps two results from a level, with both values (None: unknown)."""

    setup: Level
    field: str
    a: Any
    b: Any


_NEITHER = tuple(
    Blocked(ORDER[level], field, None, None) for level, field in _FIELDS
)  # made once, since there are many


@dataclass(frozen=True)
class Verdict:
    """How comparable two results are.

    `setup` is the strictest level that holds; a level holds if those before it do. `blocked_by` names, for each level
    that does not hold, the fields of its own that stand against it. `assumed` are the unknown fields that
    `assume_equal` granted.
    """

    setup: Level | None
    flags: tuple[Flag, ...]
    matched: tuple[Rate, ...]
    blocked_by: tuple[Blocked, ...]
    assumed: tuple[str, ...]
    tau: float


class Pair(NamedTuple):
    """Two results and how comparable they are."""

    a: Result
    b: Result
    verdict: Verdict


@dataclass(frozen=True)
class Side:
    """What is compared of a result, gathered once. Numbers that are unknown are nan, which equals nothing."""

    result: Result
    values: tuple[Any, ...]  # of `_FIELDS`
    rates: tuple[float, float]  # of `RATES`, logarithms

    @cached_property
    def epochs(self) -> float:
        """Epochs of all stages."""
        return _number(self.result.epochs)

    @cached_property
    def budgets(self) -> tuple[tuple[float, float], ...]:
        """Cost and largest network trained: in all, without retraining."""
        ways = (STAGES, STAGES[:-1])
        return tuple((_number(self.result.cost(stages)), self.result.largest(stages)) for stages in ways)


@dataclass(frozen=True)
class How:
    """The options of `compare`."""

    tau: float
    reach: float  # how far logarithms of matching rates may lie apart
    granted: frozenset[str] = frozenset()
    reading: Reading = "wang"
    flagged: bool = True  # whether flags are asked for


def strictness(verdict: Verdict) -> int:
    """The place of a verdict's setup in `ORDER`; -1 for none."""
    return ORDER.index(verdict.setup) if verdict.setup else -1


def compare(
    a: Result, b: Result, tau: float = 0.05, assume_equal: Set[str] = frozenset(), reading: Reading = "wang"
) -> Verdict:
    """The strictest setup that two results reach, and what blocks the next.

    Rates match where |ln(a / b)| <= ln(1 + tau). `assume_equal` grants fields that are unknown in a or b, never a
    known difference. `reading` is how SX-B counts a pruned result against a scratch run: "wang" counts all stages,
    "liu" (arXiv:1810.05270) leaves retraining out, and allows an epoch of the small network, since their rule cuts
    fractions off. Raises SpecError for a field that cannot be assumed.
    """
    return compare_sides(side(a, {}), side(b, {}), how_of(tau, assume_equal, reading))


def compare_sides(a: Side, b: Side, how: How) -> Verdict:
    """`compare` for those who compare a result with many others."""
    return verdict_of(a, b, matched_of(a, b, how), flags_of(a, b, how), how)


def check_assumed(fields: Set[str]) -> None:
    """Raises SpecError for a field that cannot be assumed equal."""
    for field in sorted(fields - set(ASSUMABLE)):
        raise SpecError(unknown("field to assume equal", field, ASSUMABLE))


def how_of(tau: float, assume_equal: Set[str] = frozenset(), reading: Reading = "wang") -> How:
    """The options of `compare`. Raises SpecError for a field that cannot be assumed."""
    check_assumed(assume_equal)
    return How(tau, math.log1p(tau) + 1e-12, frozenset(assume_equal), reading)  # 1e-12: 1.05 against 1 is within 5 %


def sides_of(results: Iterable[Result]) -> list[Side]:
    """The sides of results that are compared with one another."""
    shared: dict[Schedule, Schedule] = {}
    return [side(result, shared) for result in results]


def side(result: Result, shared: dict[Schedule, Schedule]) -> Side:
    """The result's side; equal schedules become one object in `shared`, which is the quickest to compare."""
    values = list(_VALUES(result))
    for n in _SCHEDULES:
        if values[n] is not None:
            values[n] = shared.setdefault(values[n], values[n])
    return Side(result, tuple(values), rates_of(result))


def rates_of(result: Result) -> tuple[float, float]:
    """Logarithms of its compression and speedup, nan where one is unknown."""
    return math.log(_number(result.compression)), math.log(_number(result.speedup))


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def verdict_of(a: Side, b: Side, matched: tuple[Rate, ...], flags: tuple[Flag, ...], how: How) -> Verdict:
    """The verdict on two results whose rates match so, and that share these flags if they reach S1."""
    blocked = tuple(_blocked(a, b, matched, how.granted))
    first = min((ORDER.index(block.setup) for block in blocked), default=len(ORDER))
    return Verdict(
        setup=ORDER[first - 1] if first else None,
        flags=flags if first else (),
        matched=matched,
        blocked_by=blocked,
        assumed=_assumed(a.result, b.result, matched, first) if how.granted else (),
        tau=how.tau,
    )


def matched_of(a: Side, b: Side, how: How) -> tuple[Rate, ...]:
    """The rates that match, or are granted."""
    sides = zip(RATES, a.rates, b.rates, strict=True)
    return tuple(rate for rate, x, y in sides if rates_match(x, y, how.reach, granted=rate in how.granted))


def _assumed(a: Result, b: Result, matched: Sequence[str], first: int) -> tuple[str, ...]:
    """The unknown fields that the levels below `first` rest on."""
    compared = [*matched, *(field for level, field in _FIELDS if level < first)]
    return tuple(field for field in compared if getattr(a, field) is None or getattr(b, field) is None)


def _agree(field: str, x: Any, y: Any, granted: Set[str]) -> bool:
    if x is None or y is None:
        return field in granted
    if x == y or (isinstance(x, Schedule) and same(x, y)):
        return True
    return isinstance(x, int | float) and math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-9)


def _blocked(a: Side, b: Side, matched: tuple[Rate, ...], granted: Set[str]) -> Iterator[Blocked]:
    if not matched:
        yield from (Blocked("S1", rate, getattr(a.result, rate), getattr(b.result, rate)) for rate in RATES)
    if a.result.kind == "scratch" or b.result.kind == "scratch":  # it has no base: known, so none can be assumed
        yield Blocked("S2", "kind", a.result.kind, b.result.kind)
    if "base_checkpoint" in granted and other_bases(a.result, b.result):
        yield Blocked("S2", "base_top1", a.result.base_top1, b.result.base_top1)
    for (level, field), unknown_both, x, y in zip(_FIELDS, _NEITHER, a.values, b.values, strict=True):
        if (x is not y or x is None) and not _agree(field, x, y, granted):
            yield unknown_both if x is y else Blocked(ORDER[level], field, x, y)


def matched_rates(a: Result, b: Result, tau: float) -> tuple[Rate, ...]:
    """The rates, known of both results, that match within tau."""
    return matched_of(side(a, {}), side(b, {}), how_of(tau))


def other_bases(a: Result, b: Result) -> bool:
    """Whether the base models, of which one is unknown, are known to differ."""
    known = a.base_checkpoint is not None and b.base_checkpoint is not None
    if known or a.base_top1 is None or b.base_top1 is None:
        return False
    return abs(a.base_top1 - b.base_top1) > _SAME_BASE + 1e-9


def flags_of(a: Side, b: Side, how: How) -> tuple[Flag, ...]:
    """The flags that two results share, if they reach S1; none where none is asked for."""
    if not how.flagged:
        return ()
    mixed = (a.result.kind == "scratch") != (b.result.kind == "scratch")
    short = mixed and how.reading == "liu"
    shared = (
        same_epochs(a.epochs, b.epochs),
        same_cost(*a.budgets[short], *b.budgets[short], short),
        mixed and same_schedule(a.result, b.result),
    )
    return tuple(flag for flag, holds in zip(FLAGS, shared, strict=True) if holds)
