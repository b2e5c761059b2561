"""Whether a study can meet the comparison setup that it demands: judged from its specs, before anything is computed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations, product

from fairprune.audit.planned import from_point
from fairprune.audit.result import Result
from fairprune.audit.setups import ORDER, Verdict, compare
from fairprune.errors import SpecError
from fairprune.expand import Point
from fairprune.study import Study


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
        if study.demand in ORDER:
            _check_level(study, results)
        else:
            _check_flag(study, results)


def _check_level(study: Study, results: Sequence[Result]) -> None:
    wanted = ORDER.index(study.demand)
    pruned = [result for result in results if result.kind == "prune"]
    for a, b in combinations(pruned, 2):
        if a.recipe != b.recipe:
            continue  # each retraining has a ranking of its own
        verdict = compare(a, b)
        if verdict.setup is None or ORDER.index(verdict.setup) < wanted:
            raise SpecError(
                f"study {study.name} demands {study.demand}, but {a.method} and {b.method} (retraining {a.recipe}) "
                f"reach {verdict.setup or 'no setup'}: {'; '.join(_reasons(verdict, wanted))}"
            )


def _reasons(verdict: Verdict, wanted: int) -> Iterator[str]:
    for block in verdict.blocked_by:
        if ORDER.index(block.setup) <= wanted:
            values = f"{_shown(block.a)} and {_shown(block.b)}"
            yield f"{block.setup} needs one {block.field}" + (
                "" if block.field == "base_checkpoint" else f", not {values}"
            )


def _shown(value: object) -> str:
    return "unknown" if value is None else f"'{value}'"


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
