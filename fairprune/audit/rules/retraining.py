"""Rules about retraining: had it converged, and how much hangs on its learning rate?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from statistics import fmean

from fairprune.audit.examples import case, pruned
from fairprune.audit.finding import Evidence, Rule, Said, ids, listed
from fairprune.audit.result import Result
from fairprune.audit.setups import Pair
from fairprune.schedules import parse
from fairprune.schedules.values import short_rate
from fairprune.trainability import starting_rate

SENSITIVE = 0.5  # points: the default margin within which results count as equal


def _under_converged(evidence: Evidence) -> Iterator[Said]:
    for where, group in evidence.places.items():
        known = [result for result in group if result.under_converged is not None]
        found = [result for result in known if result.under_converged]
        if found:
            texts = listed(f"{r.name} at {r.amount}" + (f" ({r.recipe})" if r.recipe else "") for r in found)
            what = f"{len(found)} of {len(known)} results still gained at the end of their first learning-rate stage"
            yield ids(found), f"{where}: {what}: {texts}"


def _rates(pair: Pair) -> tuple[float, float] | None:
    """Starting rates of two results of one method that differ in their retraining schedules alone; None for others."""
    a, b = pair.a, pair.b
    alike = (a.name, a.kind) == (b.name, b.kind) and a.kind != "scratch" and not (a.rewound or b.rewound)
    differs = {block.field for block in pair.verdict.blocked_by if block.setup == "S3.2"}
    if not alike or pair.verdict.setup != "S3.1" or differs != {"retrain_schedule"}:
        return None
    rates = [starting_rate(result.retrain_schedule) for result in (a, b) if result.retrain_schedule]
    known = [rate for rate in rates if rate]
    return (known[0], known[1]) if len(known) == 2 and known[0] != known[1] else None


def _rate_sensitive(evidence: Evidence) -> Iterator[Said]:
    """The accuracy under the small minus that under the large starting rate, between the two farthest apart."""
    places: defaultdict[str, dict[str, dict[tuple[float, float], list[Pair]]]] = defaultdict(dict)
    for pair in evidence.pairs.alike(lambda result: result.name):
        rates = _rates(pair)
        if rates and pair.a.top1 is not None and pair.b.top1 is not None:
            points = places[pair.a.place].setdefault(f"{pair.a.name} at {pair.a.amount}", {})
            points.setdefault((min(rates), max(rates)), []).append(pair)
    for where, found in places.items():
        texts, behind = [], list[Result]()
        for point, by_rates in found.items():
            (small, large), pairs = max(by_rates.items(), key=lambda entry: entry[0][1] / entry[0][0])
            gain = fmean(_gain(pair, small) for pair in pairs)
            if abs(gain) > SENSITIVE:
                runs = f"; {len(pairs)} pairs" if len(pairs) > 1 else ""
                texts.append(f"{point} {gain:+.2f} ({short_rate(small)} against {short_rate(large)}{runs})")
                behind += [result for pair in pairs for result in (pair.a, pair.b)]
        if texts:
            text = f"{where}: points gained by the smaller starting rate of retraining: {listed(texts)}"
            yield tuple(dict.fromkeys(ids(behind))), text


def _gain(pair: Pair, small: float) -> float:
    """Points under the smaller rate minus points under the larger one."""
    a, b = pair.a, pair.b
    difference = (a.top1 or 0.0) - (b.top1 or 0.0)
    return difference if a.retrain_schedule and starting_rate(a.retrain_schedule) == small else -difference


RULES = (
    Rule(
        id="under-converged",
        severity="caution",
        reason="Retraining that is cut short ranks methods by how fast they recover, not by what they recover to.",
        check=_under_converged,
        violation=case(
            "Validation accuracy rises by .20 points an epoch, interval .11 to .29, when the first rate ends.",
            pruned("l1-0", under_converged=True),
        ),
        passing=case(
            "Validation accuracy changes by .02 points an epoch, interval -.03 to .07, when the first rate ends.",
            pruned("l1-0", under_converged=False),
        ),
    ),
    Rule(
        id="rate-sensitive",
        severity="note",
        reason="Where the retraining's rate moves accuracy by more than methods differ, a ranking holds for that rate.",
        check=_rate_sensitive,
        violation=case(
            "L1-norm pruning reaches 91.9 % when retraining starts at 1e-3, and 93.1 % from 1e-2, in as many epochs.",
            pruned("l1-0", top1=91.9),
            pruned("l1-1", top1=93.1, recipe="fast", retrain_schedule=parse("0:1e-2,20:1e-3 total:40")),
        ),
        passing=case(
            "L1-norm pruning reaches 92.9 % when retraining starts at 1e-3, and 93.1 % from 1e-2, in as many epochs.",
            pruned("l1-0", top1=92.9),
            pruned("l1-1", top1=93.1, recipe="fast", retrain_schedule=parse("0:1e-2,20:1e-3 total:40")),
        ),
    ),
)
