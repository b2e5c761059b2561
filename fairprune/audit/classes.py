"""Classes of comparable results: which methods at one target may be ranked together, and what keeps the others out.

Tolerance is not transitive, so a class is no chain: it is formed at a declared target and around one method, with which
all others reach the setup, and the rate that is declared, at every seed that both have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fairprune.audit.demand import level_of, reasons
from fairprune.audit.result import Result
from fairprune.audit.setups import (
    ORDER,
    RATES,
    How,
    Level,
    Rate,
    Side,
    compare,
    compare_sides,
    how_of,
    side,
    strictness,
)
from fairprune.schedules import Schedule
from fairprune.study import Demand

WANTED: Level = "S3.2"  # what Wang et al. 2023 (arXiv:2301.05219) recommend at least

Runs = Sequence[Result]  # of one method


@dataclass(frozen=True)
class Terms:
    """What two results of one class must share: a level, and one of the flags where there are some.

    Rates match within `tau`. `anew` is a flag that each has to reach besides with a scratch run of its own method.
    """

    level: Level = WANTED
    flags: tuple[str, ...] = ()
    anew: str = ""
    tau: float = 0.05

    def __str__(self) -> str:
        shared = f"{self.level} and {' or '.join(self.flags)}" if self.flags else self.level
        return f"{shared}, and {self.anew} with scratch runs of their own" if self.anew else shared


@dataclass(frozen=True)
class Class:
    """The methods that are comparable with `around`, itself among them, and what keeps the others out."""

    around: str
    members: tuple[str, ...]
    apart: Mapping[str, str]


def terms(demand: Demand, *, scratch: bool, tau: float = 0.05) -> Terms:
    """What a study's demand means among methods under one retraining; S3.2 where it demands nothing.

    SX-A, SX-B and S4.2-overall relate pruned results to scratch runs. Pruned results are then ranked at S3.2, where
    each has a scratch run that it reaches the flag with. Scratch runs have no base model, so that no level above S1 is
    established among them, whatever is demanded: they are ranked at S1 on one budget, of epochs or of multiply-adds.
    """
    level = level_of(demand)
    if scratch:
        return Terms("S1", (demand,) if demand in ("SX-A", "SX-B") else ("SX-A", "SX-B"), tau=tau)
    return Terms(level, tau=tau) if level else Terms(anew=demand, tau=tau)


def form(runs: Mapping[str, Runs], control: str, asked: Terms) -> Class:
    """The class around the control, or, where that has no runs here, the largest there is (of equal ones the first)."""
    best: Class | None = None
    shared: dict[Schedule, Schedule] = {}
    sides = {name: [side(run, shared) for run in own] for name, own in runs.items()}
    how = replace(how_of(asked.tau), flagged=bool(asked.flags))
    for name in [control] if control in runs else runs:
        why = {other: _apart(sides[other], name, sides[name], asked, how) for other in runs if other != name}
        apart = {other: reason for other, reason in why.items() if reason}
        if best is None or len(apart) < len(best.apart):
            best = Class(name, tuple(other for other in runs if other not in apart), apart)
        if not apart:
            break
    return best or Class("", (), {})


def unmatched(runs: Runs, scratch: Runs, asked: Terms) -> str:
    """Why a method's runs do not reach the flag with its scratch runs; empty where all do, or none is asked for."""
    for run in runs if asked.anew else ():
        own = [other for other in scratch if _seeds(other) == _seeds(run)]
        if not own:
            return f"{asked.anew} is demanded, and no scratch run of it has ended"
        if not any(asked.anew in compare(run, other, asked.tau).flags for other in own):
            return f"{asked.anew} is demanded, and none of its scratch runs reaches it"
    return ""


def _apart(own: Sequence[Side], name: str, others: Sequence[Side], asked: Terms, how: How) -> str:
    """What keeps a method's runs from the setup with another's, seed by seed; empty where nothing does."""
    partners: dict[tuple[int | None, int | None], list[Side]] = {}
    for other in others:
        partners.setdefault(_seeds(other.result), []).append(other)
    pairs = [(a, b) for a in own for b in partners.get(_seeds(a.result), ())]
    if not pairs:
        return f"no seed in common with {name}"
    found = [why for a, b in pairs if (why := _between(a, b, asked, how))]
    some = f" (at {len(found)} of {len(pairs)} seeds)" if len(found) < len(pairs) else ""
    return f"against {name}, {found[0]}{some}" if found else ""


def _between(one: Side, other: Side, asked: Terms, how: How) -> str:
    """The lowest level that two results do not reach, and why; empty where they share what is asked."""
    verdict, a, b = compare_sides(one, other, how), one.result, other.result
    for axis in RATES:
        if a.target and a.target.axis == axis and axis not in verdict.matched:  # S1 is content with either rate
            return f"S1 needs one {axis} within {asked.tau:.1%}, not {_rate(a, axis)} and {_rate(b, axis)}"
    reached = strictness(verdict)
    if reached < ORDER.index(asked.level):
        return "; ".join(reasons(verdict, ORDER[reached + 1]))
    if asked.flags and not set(asked.flags) & set(verdict.flags):
        return f"{' or '.join(asked.flags)} needs one budget, not {_budget(a)} and {_budget(b)}"
    return ""


def _rate(result: Result, axis: Rate) -> str:
    value = result.compression if axis == "compression" else result.speedup
    return "unknown" if value is None else f"{value:.3g}x"


def _budget(result: Result) -> str:
    epochs, cost = result.epochs, result.cost()
    counted = "unknown epochs" if epochs is None else f"{epochs:g} epochs"
    return counted if cost is None else f"{counted} ({cost:.3g} multiply-adds a sample)"


def _seeds(result: Result) -> tuple[int | None, int | None]:
    return result.base_seed, result.run_seed
