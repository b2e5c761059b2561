"""Whether a study can meet the comparison setup that it demands: judged from its specs, before anything is computed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations, product

from fairprune.audit.planned import from_point
from fairprune.audit.result import Result
from fairprune.audit.setups import ORDER, RATES, Blocked, Level, Verdict, compare
from fairprune.errors import SpecError
from fairprune.expand import Point
from fairprune.study import Demand, Study


def check_demand(study: Study, points: Sequence[Point]) -> None:
    """Raise SpecError where results that the study compares cannot reach the setup that it demands, and say why.

    An order of setups (S1 to S4.2) is demanded of all methods with one retraining, at one target and seed. SX-A, SX-B
    and S4.2-overall are demanded of every pruned result and the scratch runs of its method: some must reach it.
    """
    if not study.demand:
        return
    groups: defaultdict[tuple[object, ...], list[Result]] = defaultdict(list)
    for point in points:
        if point.spec.kind != "dense":
            spec = point.spec
            groups[point.labels["task"], spec.target, spec.base_seed, spec.run_seed].append(from_point(point))
    for results in groups.values():
        level = level_of(study.demand)
        if level:
            _check_level(study, level, results)
        else:
            _check_flag(study, results)


def level_of(demand: Demand) -> Level | None:
    """The level that is demanded; None where it is a flag, or nothing."""
    return next((level for level in ORDER if level == demand), None)


def reasons(verdict: Verdict, wanted: Level) -> tuple[str, ...]:
    """What keeps two results from a level, in words; empty where they reach it."""
    here = [block for block in verdict.blocked_by if ORDER.index(block.setup) <= ORDER.index(wanted)]
    return tuple(f"{block.setup} needs {_needed(block, verdict.tau)}" for block in here)


def _needed(block: Blocked, tau: float) -> str:
    shown = [value[:8] if block.field == "base_checkpoint" and value else value for value in (block.a, block.b)]
    a, b = ("unknown" if v is None else f"'{v:.4g}'" if isinstance(v, float) else f"'{v}'" for v in shown)
    if block.field in RATES:
        return f"one rate within {tau:.1%}, not {block.field} {a} and {b}"
    return f"one {block.field}, not {a} and {b}"


def _check_level(study: Study, level: Level, results: Sequence[Result]) -> None:
    pruned = [result for result in results if result.kind == "prune"]
    for a, b in combinations(pruned, 2):
        if a.recipe != b.recipe:
            continue  # each retraining has a ranking of its own
        verdict = compare(a, b)
        if found := reasons(verdict, level):
            raise SpecError(
                f"study {study.name} demands {study.demand}, but {a.method} and {b.method} (retraining {a.recipe}) "
                f"reach {verdict.setup or 'no setup'}: {'; '.join(found)}"
            )


def _check_flag(study: Study, results: Sequence[Result]) -> None:
    scratch = [result for result in results if result.kind == "scratch"]
    for a in results:
        mine = [b for b in scratch if b.method == a.method]
        if a.kind != "prune" or any(study.demand in compare(a, b).flags for a, b in product([a], mine)):
            continue
        how = f"none of its {len(mine)} scratch runs has" if mine else "it has no scratch run with"
        what = {
            "SX-A": "as many epochs",
            "SX-B": "as many multiply-adds",
            "S4.2-overall": "the same schedule end to end",
        }[study.demand]
        detail = f" ({a.epochs:g} epochs in all)" if a.epochs is not None else ""
        raise SpecError(
            f"study {study.name} demands {study.demand}, but for {a.method} with retraining {a.recipe}{detail} "
            f"{how} {what}"
        )
