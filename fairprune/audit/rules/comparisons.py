"""Rules about comparisons: do the results that stand side by side differ in more than the method?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator

from fairprune.audit.examples import case, pruned, scratch
from fairprune.audit.finding import Evidence, Rule, Said, at, ids, listed, name, place
from fairprune.audit.result import Result
from fairprune.audit.setups import ORDER, Level, Pair
from fairprune.schedules import parse

WANTED: Level = "S3.2"


def _strictness(pair: Pair) -> int:
    return ORDER.index(pair.verdict.setup) if pair.verdict.setup else -1


def _best(pairs: Iterable[Pair]) -> dict[str, list[Pair]]:
    """Of each two pruning methods at each rate the strictest pair, since recipes are an axis of a study."""
    found: dict[tuple[str, frozenset[str], frozenset[str]], Pair] = {}
    for pair in pairs:
        methods = frozenset((name(pair.a), name(pair.b)))
        if len(methods) == 2 and pair.a.kind == pair.b.kind == "prune":
            declared = pair.a if pair.a.target else pair.b
            where, rates = place(pair.a), frozenset((at(pair.a), at(pair.b)))
            if declared.target:
                where, rates = f"{where} at {declared.target}", frozenset()
            key = where, methods, rates
            if key not in found or _strictness(pair) > _strictness(found[key]):
                found[key] = pair
    grouped: defaultdict[str, list[Pair]] = defaultdict(list)
    for (where, _, _), pair in found.items():
        grouped[where].append(pair)
    return grouped


def _weak_setup(evidence: Evidence) -> Iterator[Said]:
    enough = ORDER.index(WANTED)
    for where, pairs in _best(evidence.pairs).items():
        weak = [pair for pair in pairs if _strictness(pair) < enough]
        if not weak:
            continue
        blocks = [b for pair in weak for b in pair.verdict.blocked_by if ORDER.index(b.setup) <= enough]
        fields = Counter(f"{b.field} {'unknown' if b.a is None or b.b is None else 'differs'}" for b in blocks)
        lowest = min(weak, key=_strictness).verdict.setup
        assumed = sorted({field for pair in pairs for field in pair.verdict.assumed})
        yield (
            tuple(dict.fromkeys(i for pair in weak for i in (pair.a.id, pair.b.id))),
            f"{where}: {len(weak)} of {len(pairs)} pairs of methods do not reach {WANTED}, the weakest is {lowest} "
            f"({listed(f'{field} in {n}' for field, n in fields.most_common())}; tau {evidence.tau:.1%}"
            + (f"; assumed equal: {', '.join(assumed)})" if assumed else ")"),
        )


def _scratch_budget(evidence: Evidence) -> Iterator[Said]:
    rivals: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in evidence.pairs:
        for one, other in ((pair.a, pair.b), (pair.b, pair.a)):
            if one.kind == "scratch" and other.kind == "prune":
                rivals[one.id].append(pair)
    short = {run for run, pairs in rivals.items() if not any(pair.verdict.flags for pair in pairs)}
    runs = [result for result in evidence.done if result.id in short]
    for where in dict.fromkeys(map(place, runs)):
        found = [run for run in runs if place(run) == where]
        yield (
            ids(found),
            f"{where}: {listed(f'{name(r)} ({r.recipe or r.kind}) at {at(r)}' for r in found)}: not the epochs (SX-A), "
            f"the multiply-adds (SX-B, as {evidence.reading} counts) or the overall schedule of any pruned rival",
        )


def _chosen(how: str, text: str) -> Callable[[Evidence], Iterator[Said]]:
    """A check for checkpoints that were chosen in that way."""

    def check(evidence: Evidence) -> Iterator[Said]:
        for where, group in evidence.places.items():
            found = [result for result in group if result.selected_on == how]
            if found:
                yield ids(found), f"{where}: {len(found)} of {len(group)} results {text}: {listed(map(name, found))}"

    return check


def _test_looks(evidence: Evidence) -> Iterator[Said]:
    for where, group in evidence.places.items():
        found = [result for result in group if result.test_looks is not None and result.test_looks > 1]
        if found:
            texts = listed(f"{name(result)} {result.test_looks:g} times" for result in found)
            yield ids(found), f"{where}: {len(found)} of {len(group)} results looked at the test set often: {texts}"


def _validation_seen(evidence: Evidence) -> Iterator[Said]:
    for where, group in evidence.places.items():
        found = [result for result in group if result.validation_seen]
        if found:
            yield ids(found), f"{where}: {len(found)} of {len(group)} results: the base has seen the validation images"


def _mixed(field: str) -> Callable[[Evidence], Iterator[Said]]:
    """A check that a field has one known value wherever results may be compared."""

    def check(evidence: Evidence) -> Iterator[Said]:
        for where, group in evidence.places.items():
            counts = Counter(value for r in group if (value := getattr(r, field)) is not None)
            if len(counts) > 1:
                usual, _ = counts.most_common(1)[0]
                odd = [r for r in group if getattr(r, field) not in (None, usual)]
                yield ids(odd), f"{where}: {field}: {listed(f'{v} ({n})' for v, n in counts.most_common())}"

    return check


def _mixed_rule(field: str, reason: str, other: Result) -> Rule:
    first = pruned("l1-0")
    return Rule(
        id=f"mixed-{field}",
        severity="caution",
        reason=reason,
        check=_mixed(field),
        violation=case(f"One run with {getattr(first, field)}, another with {getattr(other, field)}.", first, other),
        passing=case("Both runs have the same.", first, pruned("random-0", method="random")),
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
            pruned("taylor-0", method="taylor", retrain_schedule=parse("0:1e-2,20:1e-3 total:40")),
        ),
        passing=case(
            "Two methods at 2x from one base model under one retraining recipe.",
            pruned("l1-0"),
            pruned("taylor-0", method="taylor"),
        ),
    ),
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
        id="selected-on-test",
        severity="unfair",
        reason="The best of many looks at the test set is not an estimate of accuracy.",
        check=_chosen("test", "chose their checkpoint on the test set"),
        violation=case("The best test epoch is reported.", pruned("l1-0", selected_on="test")),
        passing=case("The last epoch is reported.", pruned("l1-0")),
    ),
    Rule(
        id="best-checkpoint",
        severity="caution",
        reason="The best epoch on validation favours noisy training over what the schedule ends in.",
        check=_chosen("validation", "report the best epoch on validation, not the last"),
        violation=case("The best epoch on validation is reported.", pruned("l1-0", selected_on="validation")),
        passing=case("The last epoch is reported.", pruned("l1-0")),
    ),
    Rule(
        id="test-looks",
        severity="caution",
        reason="Every further look at the test set is a chance to choose by it.",
        check=_test_looks,
        violation=case("The test set was read after each of 40 epochs.", pruned("l1-0", test_looks=40)),
        passing=case("The test set was read once for the dense and once for the final network.", pruned("l1-0")),
    ),
    Rule(
        id="validation-seen",
        severity="note",
        reason="A published base has often seen all training images: what validation then says of it is too good.",
        check=_validation_seen,
        violation=case("Published weights; validation is a tenth of their data.", pruned("l1-0", validation_seen=True)),
        passing=case("The base was trained on the rest.", pruned("l1-0", validation_seen=False)),
    ),
    _mixed_rule(
        "device",
        "Devices differ in numerics, so runs of one seed no longer form an exact pair.",
        pruned("random-0", method="random", device="cuda"),
    ),
    _mixed_rule(
        "libraries",
        "Versions differ in numerics and defaults, which then look like the method's doing.",
        pruned("random-0", method="random", libraries="torch 2.11.0"),
    ),
    _mixed_rule(
        "precision",
        "A method that was run in another precision was run under another recipe.",
        pruned("random-0", method="random", precision="bf16"),
    ),
    _mixed_rule(
        "validation",
        "A larger validation split leaves fewer images to train on.",
        pruned("random-0", method="random", validation=0.2),
    ),
)
