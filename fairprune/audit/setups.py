"""Comparison setups: what two results share, and what keeps them from sharing more.

The levels S1 < S2 < S3.1 < S3.2 < S4.1 < S4.2 and the flags SX-A, SX-B and S4.2-overall beside them are those of
Wang et al. 2023 (arXiv:2301.05219). An unknown value establishes nothing. Ours are the tolerance `tau` of the rates
(5 %), half an epoch of the largest network trained for SX-B, that S3.2 checks the whole recipe of retraining, and that
base models whose accuracies differ by more than printing explains are known to differ, so none can be assumed equal.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

from fairprune.audit.result import STAGES, Result
from fairprune.errors import SpecError, unknown
from fairprune.schedules import Schedule, same

Level = Literal["S1", "S2", "S3.1", "S3.2", "S4.1", "S4.2"]
Flag = Literal["SX-A", "SX-B", "S4.2-overall"]
Rate = Literal["compression", "speedup"]
Reading = Literal["wang", "liu"]

RATES: tuple[Rate, ...] = ("compression", "speedup")
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
_SAME_EPOCHS = 1e-6
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


@dataclass(frozen=True)
class Pair:
    """Two results and how comparable they are."""

    a: Result
    b: Result
    verdict: Verdict


@dataclass(frozen=True)
class _Side:
    """What is compared of a result, gathered once."""

    result: Result
    values: tuple[Any, ...]  # of `_FIELDS`
    rates: tuple[float | None, ...]  # of `RATES`, logarithms
    budgets: tuple[tuple[float | None, float], ...]  # cost and largest network trained: in all, without retraining


@dataclass(frozen=True)
class _How:
    """The options of `compare`."""

    tau: float
    reach: float  # how far logarithms of matching rates may lie apart
    granted: frozenset[str]
    reading: Reading


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
    how = _how(tau, assume_equal, reading)
    one, other = _side(a, {}), _side(b, {})
    return _compared(one, other, _matched(one, other, how), how)


def compare_all(
    results: Iterable[Result],
    tau: float = 0.05,
    assume_equal: Set[str] = frozenset(),
    reading: Reading = "wang",
    *,
    wanted: Callable[[Result, Result], bool] = lambda _a, _b: True,
) -> Iterator[Pair]:
    """Every wanted pair that reaches S1, once. Only results of one data set and network meet, so many are affordable.

    The options are those of `compare`.
    """
    how = _how(tau, assume_equal, reading)
    fixed = [field for field in LEVELS["S1"] if field not in assume_equal]
    groups: defaultdict[tuple[str | None, ...], list[_Side]] = defaultdict(list)
    shared: dict[Schedule, Schedule] = {}
    for result in results:
        groups[tuple(getattr(result, field) for field in fixed)].append(_side(result, shared))
    for key, group in groups.items():
        if None in key:
            continue
        for a, b in combinations(group, 2):
            matched = _matched(a, b, how)
            if matched and wanted(a.result, b.result):
                verdict = _compared(a, b, matched, how)
                if verdict.setup:
                    yield Pair(a.result, b.result, verdict)


def check_assumed(fields: Set[str]) -> None:
    """Raises SpecError for a field that cannot be assumed equal."""
    for field in sorted(fields - set(ASSUMABLE)):
        raise SpecError(unknown("field to assume equal", field, ASSUMABLE))


def _how(tau: float, assume_equal: Set[str], reading: Reading) -> _How:
    check_assumed(assume_equal)
    return _How(tau, math.log1p(tau) + 1e-12, frozenset(assume_equal), reading)  # 1e-12: 1.05 against 1 is within 5 %


def _side(result: Result, shared: dict[Schedule, Schedule]) -> _Side:
    """The result's side; equal schedules become one object in `shared`, which is the quickest to compare."""
    values = (getattr(result, field) for _, field in _FIELDS)
    rates = (getattr(result, rate) for rate in RATES)
    return _Side(
        result=result,
        values=tuple(shared.setdefault(v, v) if isinstance(v, Schedule) else v for v in values),
        rates=tuple(None if rate is None else math.log(rate) for rate in rates),
        budgets=tuple((result.cost(stages), result.largest(stages)) for stages in (STAGES, STAGES[:-1])),
    )


def _compared(a: _Side, b: _Side, matched: tuple[Rate, ...], how: _How) -> Verdict:
    blocked = tuple(_blocked(a, b, matched, how.granted))
    first = min((ORDER.index(block.setup) for block in blocked), default=len(ORDER))
    return Verdict(
        setup=ORDER[first - 1] if first else None,
        flags=tuple(_flags(a, b, how.reading)) if first else (),
        matched=matched,
        blocked_by=blocked,
        assumed=_assumed(a.result, b.result, matched, first) if how.granted else (),
        tau=how.tau,
    )


def _matched(a: _Side, b: _Side, how: _How) -> tuple[Rate, ...]:
    return tuple(
        rate
        for rate, x, y in zip(RATES, a.rates, b.rates, strict=True)
        if (rate in how.granted if x is None or y is None else abs(x - y) <= how.reach)
    )


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


def _blocked(a: _Side, b: _Side, matched: tuple[Rate, ...], granted: Set[str]) -> Iterator[Blocked]:
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
    return _matched(_side(a, {}), _side(b, {}), _how(tau, frozenset(), "wang"))


def other_bases(a: Result, b: Result) -> bool:
    """Whether the base models, of which one is unknown, are known to differ."""
    known = a.base_checkpoint is not None and b.base_checkpoint is not None
    if known or a.base_top1 is None or b.base_top1 is None:
        return False
    return abs(a.base_top1 - b.base_top1) > _SAME_BASE + 1e-9


def _flags(a: _Side, b: _Side, reading: Reading) -> Iterator[Flag]:
    one, other = a.result, b.result
    if one.epochs is not None and other.epochs is not None and abs(one.epochs - other.epochs) <= _SAME_EPOCHS:
        yield "SX-A"
    mixed = (one.kind == "scratch") != (other.kind == "scratch")
    if _same_cost(a, b, mixed and reading == "liu"):
        yield "SX-B"
    if mixed and one.schedule is not None and other.schedule is not None and same(one.schedule, other.schedule):
        yield "S4.2-overall"


def _same_cost(a: _Side, b: _Side, short: bool) -> bool:
    """Epochs are whole, so half an epoch of the largest network is no difference; nor is what Liu et al. cut off."""
    (x, large), (y, other) = a.budgets[short], b.budgets[short]
    tolerance = max(large / 2, other / 2, min(large, other) if short else 0.0)
    return x is not None and y is not None and abs(x - y) <= tolerance
