"""A rule about leads that come with another recipe: would the recipe alone have given as much?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from fairprune.audit.examples import case, pruned
from fairprune.audit.finding import Evidence, Rule, Said, listed, pair_ids
from fairprune.audit.matching import rates_match
from fairprune.audit.pairs import Pairs
from fairprune.audit.result import Result
from fairprune.audit.rules.pairs import known_differences
from fairprune.audit.setups import LEVELS, Pair, how_of, rates_of
from fairprune.schedules import parse

_Recipe = tuple[str, ...]  # of retraining, in words
_Side = tuple[str, _Recipe]  # a method, and the recipe that it came with
_Points = list[tuple[float, Pair]]  # the first result minus the second, percentage points


def _confounded(evidence: Evidence) -> Iterator[Said]:
    """Leads between methods without a recipe in common, no larger than what the recipe gives a method under both."""
    gains = _gains(evidence)
    if not gains:
        return
    spots = evidence.spots(evidence.rivals.that(lambda pair: known_differences(pair, LEVELS["S3.2"])))
    uncrossed = evidence.pairs.only(np.isin(evidence.spots(evidence.pairs), spots))
    said, behind = defaultdict[str, list[str]](list), defaultdict[str, list[Pair]](list)
    for (ahead, beaten, _), leads in _differences(evidence, uncrossed).items():
        one, lead = leads[0][1].a, fmean(points for points, _ in leads)
        known = gains.get((one.place, ahead[1], beaten[1])) if lead > 0 else None
        gain = known.as_far(one) if known else 0.0
        if 0 < lead <= gain:
            text = f"{ahead[0]} over {beaten[0]} at {one.amount} {lead:+.2f}, the recipe alone {gain:+.2f}"
            said[one.place].append(text)
            behind[one.place] += [pair for _, pair in leads]
    for where, texts in said.items():
        yield pair_ids(behind[where]), f"{where}: leads that the recipe gives another method: {listed(texts)}"


@dataclass(frozen=True)
class _Gains:
    """What one recipe gives over another, and how much was pruned there; rates match within `reach`."""

    points: NDArray[np.float64]
    targets: Sequence[tuple[str, float] | None]
    rates: NDArray[np.float64]  # a row for each: logarithms
    reach: float

    def as_far(self, result: Result) -> float:
        """The mean of those that were pruned as much as a result; 0 where none was."""
        near = rates_match(self.rates, np.array(rates_of(result)), self.reach, granted=False).any(axis=1)
        target = _target(result)
        declared = np.array([target is not None and other == target for other in self.targets], dtype=bool)
        found = self.points[near | declared]
        return fmean(found.tolist()) if len(found) else 0.0


def _target(result: Result) -> tuple[str, float] | None:
    return (result.target.axis, result.target.value) if result.target else None


def _gains(evidence: Evidence) -> Mapping[tuple[str, _Recipe, _Recipe], _Gains]:
    """By place and two recipes: what one gives over the other to methods that ran under both, from one base model."""
    found: defaultdict[tuple[str, _Recipe, _Recipe], _Points] = defaultdict(list)
    same = evidence.pairs.alike(lambda result: result.name).that(lambda pair: pair.verdict.setup != "S1")
    for ((_, one), (_, other), _), points in _differences(evidence, same).items():
        found[points[0][1].a.place, one, other] += points
    reach = how_of(evidence.tau).reach
    return {key: _gained(points, reach) for key, points in found.items()}


def _gained(points: _Points, reach: float) -> _Gains:
    results = [pair.a for _, pair in points]
    rates = np.array([rates_of(result) for result in results])
    return _Gains(np.array([gain for gain, _ in points]), [_target(result) for result in results], rates, reach)


def _differences(evidence: Evidence, pairs: Pairs) -> Mapping[tuple[_Side, _Side, int], _Points]:
    """Pairs of pruned results of known accuracy under different recipes, both ways round, by methods and spot."""
    found: defaultdict[tuple[_Side, _Side, int], _Points] = defaultdict(list)
    recipes = {id(result): _recipe(result) for result in pairs.results}
    for pair, spot in zip(pairs, evidence.spots(pairs).tolist(), strict=True):
        a, b = pair.a, pair.b
        if a.kind == b.kind == "prune" and a.top1 is not None and b.top1 is not None:
            one, other = recipes[id(a)], recipes[id(b)]
            if one and other and one != other:
                found[(a.name, one), (b.name, other), spot].append((a.top1 - b.top1, pair))
                found[(b.name, other), (a.name, one), spot].append((b.top1 - a.top1, pair))
    return found


def _recipe(result: Result) -> _Recipe:
    """Empty where the schedule is unknown."""
    return tuple(str(getattr(result, field)) for field in LEVELS["S3.2"]) if result.retrain_schedule else ()


_FAST = parse("0:1e-2,20:1e-3 total:40")
_GREG = pruned("greg-0", method="greg1", top1=75.2, retrain_schedule=_FAST)
_TAYLOR = pruned("taylor-0", method="taylor", top1=73.1)
_L1 = pruned("l1-0", top1=73.0)

RULES = (
    Rule(
        id="recipe-confounded",
        severity="unfair",
        reason="A lead under another recipe is the recipe's where it gives any method as much.",
        check=_confounded,
        violation=case(
            "GReg from 1e-2 is 2.1 points above Taylor from 1e-3; L1-norm pruning gains 2.2 points from 1e-2.",
            _GREG,
            _TAYLOR,
            _L1,
            pruned("l1-1", top1=75.2, retrain_schedule=_FAST),
        ),
        passing=case(
            "GReg from 1e-2 is 2.1 points above Taylor from 1e-3; L1-norm pruning gains .4 points from 1e-2.",
            _GREG,
            _TAYLOR,
            _L1,
            pruned("l1-1", top1=73.4, retrain_schedule=_FAST),
        ),
    ),
)
