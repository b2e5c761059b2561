"""Rules about what was spent: do the results that stand side by side cost the same, and end at the same rate?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from operator import attrgetter

import numpy as np

from fairprune.audit.examples import case, pruned, scratch
from fairprune.audit.finding import Evidence, Rule, Said, by_place, by_value, ids, listed, pair_ids
from fairprune.audit.pairs import Pairs, Whole, distinct
from fairprune.audit.rules.pairs import known_differences
from fairprune.audit.setups import Pair
from fairprune.schedules import parse
from fairprune.schedules.values import short_rate

_kind, _last_rate = attrgetter("kind"), attrgetter("last_rate")


def _against_scratch(pairs: Pairs) -> tuple[Pairs, Whole]:
    """The pairs of a scratch run and a pruned rival, and the place of the scratch run in each."""
    found = pairs.that(lambda pair: {pair.a.kind, pair.b.kind} == {"scratch", "prune"}, _kind)
    scratch = np.array([result.kind == "scratch" for result in pairs.results], dtype=bool)
    return found, np.where(scratch[found.a], found.a, found.b)


def _scratch_budget(evidence: Evidence) -> Iterator[Said]:
    rivals, runs = _against_scratch(evidence.pairs)
    flagged = np.array([bool(verdict.flags) for verdict in rivals.verdicts], dtype=bool)[rivals.kind]
    short = {evidence.pairs.results[run].id for run in np.setdiff1d(runs, runs[flagged])}
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
        found = pairs.that(lambda p: known_differences(p, ("prune_epochs",)) and "SX-A" not in p.verdict.flags)
        if found:
            told = tuple(found.telling())
            epochs = by_value((f"{r.prune_epochs:g}", r.name) for pair in told for r in (pair.a, pair.b))
            text = f"{len(found)} of {len(pairs)} pairs of methods trained unequally while pruning, and in all"
            yield pair_ids(told), f"{where}: {text}; epochs of pruning: {epochs}"


def _final_rate(evidence: Evidence) -> Iterator[Said]:
    for where, pairs in by_place(evidence.rivals.and_then(_anew(evidence))).items():
        found = tuple(pairs.that(lambda pair: _ends_alike(pair) is False, _last_rate).telling())
        if found:
            rates = by_value((short_rate(r.last_rate or 0.0), r.name) for pair in found for r in (pair.a, pair.b))
            yield pair_ids(found), f"{where}: training ends at different learning rates: {rates}"


def _anew(evidence: Evidence) -> Pairs:
    """The pairs of scratch runs with pruned rivals of which none ends at their rate, by the scratch run."""
    pairs, runs = _against_scratch(evidence.pairs)
    alike = pairs.that(_ends_alike, _last_rate)
    other = ~np.isin(runs, _against_scratch(alike)[1])
    first, which = distinct(runs[other])
    return pairs.only(other).only(np.argsort(first[which], kind="stable"))


def _ends_alike(pair: Pair) -> bool | None:
    """Whether the last training of both ends at the same rate; None where one is unknown."""
    a, b = pair.a.last_rate, pair.b.last_rate
    return None if a is None or b is None else math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-12)


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
