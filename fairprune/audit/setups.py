"""Comparison setups: what two results share, and what keeps them from sharing more.

The levels S1 < S2 < S3.1 < S3.2 < S4.1 < S4.2 and the flags SX-A, SX-B and S4.2-overall beside them are those of
Wang et al. 2023 (arXiv:2301.05219). An unknown value establishes nothing. Ours are the tolerance `tau` of the rates
(5 %), half an epoch of the largest network trained for SX-B, that S3.2 checks the whole recipe of retraining, and that
base models whose accuracies differ by more than printing explains are known to differ, so none can be assumed equal.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

from fairprune.audit.result import Result
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
_SAME_BASE = 0.05  # percentage points: 76.1 may be 76.13, which is also printed as 76.15
ASSUMABLE = (*RATES, *(field for names in LEVELS.values() for field in names))


@dataclass(frozen=True)
class Blocked:
    """A field that keeps two results from a level, with both values (None: unknown)."""

    setup: Level
    field: str
    a: Any
    b: Any


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


def compare(
    a: Result, b: Result, tau: float = 0.05, assume_equal: Set[str] = frozenset(), reading: Reading = "wang"
) -> Verdict:
    """The strictest setup that two results reach, and what blocks the next.

    Rates match where |ln(a / b)| <= ln(1 + tau). `assume_equal` grants fields that are unknown in a or b, never a
    known difference. `reading` is how SX-B counts a pruned result against a scratch run: "wang" counts all stages,
    "liu" (arXiv:1810.05270) leaves retraining out, and allows an epoch of the small network, since their rule cuts
    fractions off. Raises SpecError for a field that cannot be assumed.
    """
    check_assumed(assume_equal)
    agree = {field: _agree(field, a, b, assume_equal) for names in LEVELS.values() for field in names}
    matched = tuple(rate for rate in RATES if _close(rate, a, b, tau, assume_equal))
    blocked = tuple(_blocked(a, b, agree, matched))
    first = min((ORDER.index(block.setup) for block in blocked), default=len(ORDER))
    compared = [*matched, *(field for level in ORDER[:first] for field in LEVELS[level])]
    return Verdict(
        setup=ORDER[first - 1] if first else None,
        flags=tuple(_flags(a, b, reading)) if first else (),
        matched=matched,
        blocked_by=blocked,
        assumed=tuple(field for field in compared if getattr(a, field) is None or getattr(b, field) is None),
        tau=tau,
    )


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
    groups: defaultdict[tuple[str | None, ...], list[Result]] = defaultdict(list)
    fixed = [field for field in LEVELS["S1"] if field not in assume_equal]
    for result in results:
        groups[tuple(getattr(result, field) for field in fixed)].append(result)
    for key, group in groups.items():
        if None in key:
            continue
        for a, b in combinations(group, 2):
            if wanted(a, b) and any(_close(rate, a, b, tau, assume_equal) for rate in RATES):
                verdict = compare(a, b, tau, assume_equal, reading)
                if verdict.setup:
                    yield Pair(a, b, verdict)


def check_assumed(fields: Set[str]) -> None:
    """Raises SpecError for a field that cannot be assumed equal."""
    for field in sorted(fields - set(ASSUMABLE)):
        raise SpecError(unknown("field to assume equal", field, ASSUMABLE))


def _agree(field: str, a: Result, b: Result, granted: Set[str]) -> bool:
    x, y = getattr(a, field), getattr(b, field)
    if x is None or y is None:
        return field in granted
    if isinstance(x, Schedule):
        return same(x, y)
    return math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-9) if isinstance(x, int | float) else bool(x == y)


def _close(rate: Rate, a: Result, b: Result, tau: float, granted: Set[str]) -> bool:
    x, y = getattr(a, rate), getattr(b, rate)
    if x is None or y is None:
        return rate in granted
    return abs(math.log(x) - math.log(y)) <= math.log1p(tau) + 1e-12  # 1e-12: 1.05 against 1 is within 5 %


def _blocked(a: Result, b: Result, agree: dict[str, bool], matched: tuple[Rate, ...]) -> Iterator[Blocked]:
    if not matched:
        yield from (Blocked("S1", rate, getattr(a, rate), getattr(b, rate)) for rate in RATES)
    if "scratch" in (a.kind, b.kind):  # a scratch run has no base: known, so nothing can be assumed about it
        yield Blocked("S2", "kind", a.kind, b.kind)
    if agree["base_checkpoint"] and _other_bases(a, b):
        yield Blocked("S2", "base_top1", a.base_top1, b.base_top1)
    for level, names in LEVELS.items():
        yield from (Blocked(level, field, getattr(a, field), getattr(b, field)) for field in names if not agree[field])


def _other_bases(a: Result, b: Result) -> bool:
    """Whether the base models, of which one is unknown, are known to differ."""
    known = a.base_checkpoint is not None and b.base_checkpoint is not None
    if known or a.base_top1 is None or b.base_top1 is None:
        return False
    return abs(a.base_top1 - b.base_top1) > _SAME_BASE + 1e-9


def _flags(a: Result, b: Result, reading: Reading) -> Iterator[Flag]:
    if a.epochs is not None and b.epochs is not None and math.isclose(a.epochs, b.epochs, abs_tol=1e-6):
        yield "SX-A"
    if _same_cost(a, b, reading):
        yield "SX-B"
    mixed = (a.kind == "scratch") != (b.kind == "scratch")
    if mixed and a.schedule is not None and b.schedule is not None and same(a.schedule, b.schedule):
        yield "S4.2-overall"


def _same_cost(a: Result, b: Result, reading: Reading) -> bool:
    """Epochs are whole, so half an epoch of the largest network is no difference; nor is what Liu et al. cut off."""
    truncated = reading == "liu" and (a.kind == "scratch") != (b.kind == "scratch")
    stages = ("pretrain", "prune") if truncated else ("pretrain", "prune", "retrain")
    x, y, large = a.cost(stages), b.cost(stages), (a.largest(stages), b.largest(stages))
    tolerance = max(max(large) / 2, min(large) if truncated else 0.0)
    return x is not None and y is not None and abs(x - y) <= tolerance
