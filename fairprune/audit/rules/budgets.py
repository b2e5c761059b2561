"""Rules about what was spent: do the results that stand side by side cost the same, and end at the same rate?"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from fairprune.audit.examples import case, pruned, scratch
from fairprune.audit.finding import Evidence, Rule, Said, by_place, by_value, ids, listed, pair_ids
from fairprune.audit.result import STAGES, Result
from fairprune.audit.rules.pairs import known_differences
from fairprune.audit.setups import Pair
from fairprune.schedules import parse
from fairprune.schedules.values import short_rate


def _against_scratch(pairs: Iterable[Pair]) -> Mapping[str, list[Pair]]:
    """The pairs of a scratch run and a pruned rival, by the scratch run."""
    found: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        for one, other in ((pair.a, pair.b), (pair.b, pair.a)):
            if one.kind == "scratch" and other.kind == "prune":
                found[one.id].append(pair)
    return found


def _scratch_budget(evidence: Evidence) -> Iterator[Said]:
    rivals = _against_scratch(evidence.pairs)
    short = {run for run, pairs in rivals.items() if not any(pair.verdict.flags for pair in pairs)}
    for where, group in evidence.places.items():
        found = [result for result in group if result.id in short]
        if found:
            texts = listed(f"{r.name} ({r.recipe or r.kind}) at {r.amount}" for r in found)
            yield (
                ids(found),
                f"{where}: {texts}: not the epochs (SX-A), the multiply-adds (SX-B, as {evidence.reading} counts) or "
                "the overall schedule of any pruned rival",
            )


def _pruning_cost(evidence: Evidence) -> Iterator[Said]:
    for where, pairs in by_place(evidence.rivals).items():
        unequal = [pair for pair in pairs if known_differences(pair, ("prune_epochs",))]
        found = [pair for pair in unequal if "SX-A" not in pair.verdict.flags]
        if found:
            epochs = by_value((f"{r.prune_epochs:g}", r.name) for pair in found for r in (pair.a, pair.b))
            text = f"{len(found)} of {len(pairs)} pairs of methods trained unequally while pruning, and in all"
            yield pair_ids(found), f"{where}: {text}; epochs of pruning: {epochs}"


def _final_rate(evidence: Evidence) -> Iterator[Said]:
    scratch = _against_scratch(evidence.pairs).values()  # one rival that ends at its rate is enough
    anew = (pair for pairs in scratch if not any(map(_ends_alike, pairs)) for pair in pairs)
    for where, pairs in by_place((*evidence.rivals, *anew)).items():
        found = [pair for pair in pairs if _ends_alike(pair) is False]
        if found:
            rates = by_value((short_rate(_end(r) or 0.0), r.name) for pair in found for r in (pair.a, pair.b))
            yield pair_ids(found), f"{where}: training ends at different learning rates: {rates}"


def _ends_alike(pair: Pair) -> bool | None:
    """Whether the last training of both ends at the same rate; None where one is unknown."""
    a, b = _end(pair.a), _end(pair.b)
    return None if a is None or b is None else math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-12)


def _end(result: Result) -> float | None:
    """The rate that the last training ends at."""
    for stage in reversed(STAGES):
        schedule = getattr(result, f"{stage}_schedule")
        if schedule is None or schedule.total:
            return schedule.final_rate if schedule else None
    return None


_ONE_SHOT = "Two methods that prune at once and are retrained alike."

RULES = (
    Rule(
        id="scratch-budget",
        severity="caution",
        reason="Training anew loses or wins by its budget unless that equals the pruned network's.",
        check=_scratch_budget,
        violation=case(
            "A scratch run of 160 epochs against 160 + 40 epochs.",
            pruned("l1-0"),
            scratch("scratch-0", pretrain_schedule=parse("0:1e-1,80:1e-2,120:1e-3 total:160")),
        ),
        passing=case("A scratch run of 200 epochs against 160 + 40 epochs.", pruned("l1-0"), scratch("scratch-0")),
    ),
    Rule(
        id="pruning-cost",
        severity="caution",
        reason="What a method trains while it prunes is training that its rival did not get, unless it is counted.",
        check=_pruning_cost,
        violation=case(
            "One method trains for 100 epochs while it prunes, the other prunes at once; both are retrained alike.",
            pruned("l1-0"),
            pruned("greg-0", method="greg1", prune_epochs=None, prune_schedule=parse("constant:1e-3 total:100")),
        ),
        passing=case(_ONE_SHOT, pruned("l1-0"), pruned("taylor-0", method="taylor")),
    ),
    Rule(
        id="final-rate",
        severity="caution",
        reason="Accuracy jumps when the rate falls, so training that ends at another rate is at another stage.",
        check=_final_rate,
        violation=case(
            "Retraining ends at 1e-3 for one method and at 1e-4 for the other.",
            pruned("l1-0"),
            pruned("taylor-0", method="taylor", retrain_schedule=parse("0:1e-3,20:1e-4 total:40")),
        ),
        passing=case(
            "Both start from other rates and end at 1e-3.",
            pruned("l1-0"),
            pruned("taylor-0", method="taylor", retrain_schedule=parse("0:1e-2,20:1e-3 total:40")),
        ),
    ),
)
