"""Rules about two methods side by side: do they differ in more than the method?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from fairprune.audit.examples import case, pruned
from fairprune.audit.finding import Evidence, Rule, Said, by_place, by_value, pair_ids
from fairprune.audit.result import Result
from fairprune.audit.setups import LEVELS, ORDER, Blocked, Level, Pair, other_bases, strictness
from fairprune.schedules import Schedule, parse

WANTED: Level = "S3.2"
SCHEDULE, REST = ("retrain_epochs", "retrain_schedule"), LEVELS["S3.2"][1:]


def known_differences(pair: Pair, fields: Sequence[str]) -> dict[str, Blocked]:
    """What keeps two results apart in these fields, where both values are known."""
    return {b.field: b for b in pair.verdict.blocked_by if b.field in fields and b.a is not None and b.b is not None}


def _weak_setup(evidence: Evidence) -> Iterator[Said]:
    at_targets = evidence.rivals.split(_at_target, lambda result: (result.place, result.aim))
    for where, pairs in at_targets.items():
        weak = pairs.that(lambda pair: strictness(pair.verdict) < ORDER.index(WANTED))
        if weak:
            lowest = min(weak.telling(), key=lambda pair: strictness(pair.verdict)).verdict.setup
            assumed = sorted({field for pair in pairs.telling() for field in pair.verdict.assumed})
            yield (
                pair_ids(weak.telling()),
                f"{where}: {len(weak)} of {len(pairs)} pairs of methods do not reach {WANTED}, the weakest is {lowest} "
                f"(tau {evidence.tau:.1%}" + (f"; assumed equal: {', '.join(assumed)})" if assumed else ")"),
            )


def _at_target(pair: Pair) -> str:
    target = pair.a.aim or pair.b.aim
    return pair.a.place + (f" at {target}" if target else "")


def _bases_differ(evidence: Evidence) -> Iterator[Said]:
    for where, pairs in by_place(evidence.rivals).items():
        found = pairs.that(_other_bases, lambda result: (result.base_checkpoint, result.base_top1))
        if found:
            told = tuple(found.telling())
            values = by_value((_base(result), result.name) for pair in told for result in (pair.a, pair.b))
            text = f"{len(found)} of {len(pairs)} pairs of methods start from different base models"
            yield pair_ids(told), f"{where}: {text}: {values}"


def _other_bases(pair: Pair) -> bool:
    return bool(known_differences(pair, ("base_checkpoint",))) or other_bases(pair.a, pair.b)


def _base(result: Result) -> str:
    """The base model, if need be by its accuracy; digests are cut."""
    if result.base_checkpoint is None:
        return f"one of {result.base_top1:g} %"
    return result.base_checkpoint if len(result.base_checkpoint) < 40 else result.base_checkpoint[:8]


def _differ(fields: Sequence[str], text: str) -> Callable[[Evidence], Iterator[Said]]:
    """A check for methods that are known to differ in one of these fields."""

    def check(evidence: Evidence) -> Iterator[Said]:
        for where, pairs in by_place(evidence.rivals).items():
            found = pairs.that(lambda pair: known_differences(pair, fields))
            if found:
                told = tuple(found.telling())
                values = by_value(entry for pair in told for entry in _sides(pair, known_differences(pair, fields)))
                what = f"{len(found)} of {len(pairs)} pairs of methods {text}"
                yield pair_ids(told), f"{where}: {what}: {values}"

    return check


def _sides(pair: Pair, blocks: Mapping[str, Blocked]) -> Iterator[tuple[str, str]]:
    """Both values of each field, and whose they are; schedules tell their epochs."""
    for field, block in blocks.items():
        if field != "retrain_epochs" or "retrain_schedule" not in blocks:
            yield _value(field, block.a), pair.a.name
            yield _value(field, block.b), pair.b.name


def _value(field: str, value: object) -> str:
    if isinstance(value, Schedule):
        return str(value)
    return f"{value:g} epochs" if field == "retrain_epochs" else f"{field} {value if value != '' else 'none'}"


_FAST = pruned("taylor-0", method="taylor", retrain_schedule=parse("0:1e-2,20:1e-3 total:40"))
_PASS = case(
    "Two methods at 2x from one base model under one retraining recipe.",
    pruned("l1-0"),
    pruned("taylor-0", method="taylor"),
)

RULES = (
    Rule(
        id="setup-below-s3.2",
        severity="unfair",
        reason="A gain that may come from another base model or another retraining recipe is not the method's.",
        check=_weak_setup,
        violation=case(
            "Two methods at 2x from one base model, retrained for 40 epochs from 1e-3 and for 40 epochs from 1e-2.",
            pruned("l1-0"),
            _FAST,
        ),
        passing=_PASS,
    ),
    Rule(
        id="base-differs",
        severity="unfair",
        reason="A better base model makes a better pruned network, whatever the method.",
        check=_bases_differ,
        violation=case(
            "Two methods at 2x, each from a base model of its own.",
            pruned("l1-0"),
            pruned("taylor-0", method="taylor", base_checkpoint="base-1"),
        ),
        passing=_PASS,
    ),
    Rule(
        id="schedule-differs",
        severity="unfair",
        reason="More epochs or a larger rate of retraining can gain more than any method; cross the recipes to tell.",
        check=_differ(SCHEDULE, "were retrained by different schedules"),
        violation=case("Two methods, retrained for 40 epochs from 1e-3 and from 1e-2.", pruned("l1-0"), _FAST),
        passing=case(
            "The same, and one of them under both schedules.",
            pruned("l1-0"),
            _FAST,
            pruned("l1-1", retrain_schedule=_FAST.retrain_schedule),
        ),
    ),
    Rule(
        id="recipe-differs",
        severity="unfair",
        reason="Optimizer, weight decay, batches and augmentation make accuracy too, and are not the method.",
        check=_differ(REST, "were retrained by different recipes"),
        violation=case(
            "Two methods, retrained with a weight decay of 1e-4 and of 5e-4.",
            pruned("l1-0"),
            pruned("taylor-0", method="taylor", weight_decay=5e-4),
        ),
        passing=_PASS,
    ),
)
