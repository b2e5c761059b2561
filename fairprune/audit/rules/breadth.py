"""Rules about how far a conclusion reaches: at how many rates, on how many networks, against whom?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations

from fairprune.audit.examples import case, pruned
from fairprune.audit.finding import Evidence, Rule, Said, ids, listed, pair_ids
from fairprune.audit.result import Result
from fairprune.audit.setups import matched_rates
from fairprune.spec import Target

RATES_ASKED, TASKS_ASKED = 5, 3  # by Blalock et al. 2020 (arXiv:2003.03033)
_TOYS = ("mnist", "digits")  # what says little of other data sets; the first is theirs, the second ours


def _seen_at(low: int, high: int, text: str) -> Callable[[Evidence], Iterator[Said]]:
    """A check for methods that were seen at so many rates."""

    def check(evidence: Evidence) -> Iterator[Said]:
        for where, group in evidence.pruned.items():
            methods: defaultdict[str, list[Result]] = defaultdict(list)
            for result in group:
                methods[result.name].append(result)
            amounts = {method: list(dict.fromkeys(r.amount for r in runs)) for method, runs in methods.items()}
            found = {method: seen for method, seen in amounts.items() if low <= len(seen) <= high}
            if found:
                texts = (f"{method} ({seen[0] if len(seen) == 1 else len(seen)})" for method, seen in found.items())
                yield ids(r for method in found for r in methods[method]), f"{where}: {text}: {listed(texts)}"

    return check


def _few_tasks(evidence: Evidence) -> Iterator[Said]:
    places = {where: group for where, group in evidence.pruned.items() if not _toy(group[0])}
    if evidence.pruned and len(places) < TASKS_ASKED:
        pairs = f"{len(places)} pair{'s' * (len(places) != 1)} of network and data set besides MNIST and digits"
        yield (), f"{pairs}{': ' * bool(places)}{listed(places)}; {TASKS_ASKED} or more make a conclusion general"


def _toy(result: Result) -> bool:
    return (result.dataset or "").lower().startswith(_TOYS)


def _outside(evidence: Evidence) -> Iterator[Said]:
    yield from _alone(evidence)
    yield from _apart(evidence)


def _alone(evidence: Evidence) -> Iterator[Said]:
    """Results without a target, whose rates no other method's results match."""
    met = set(pair_ids(evidence.pairs.unlike(lambda result: result.name).telling()))
    for where, group in evidence.pruned.items():
        found = [result for result in group if result.target is None and result.id not in met]
        if found and len({result.name for result in group}) > 1:
            texts = listed(f"{r.name} at {r.amount}" for r in found)
            yield ids(found), f"{where}: no other method's result lies within {evidence.tau:.1%}: {texts}"


def _apart(evidence: Evidence) -> Iterator[Said]:
    """Methods at one ratio of units removed, whose networks are of unequal size: an allocation tells how unequal."""
    for where, group in evidence.pruned.items():
        targets: defaultdict[Target, list[Result]] = defaultdict(list)
        for result in group:
            if result.target and result.target.axis == "ratio" and result.compression and result.speedup:
                targets[result.target].append(result)
        for target, results in targets.items():
            firsts: dict[str, Result] = {}
            for result in results:
                firsts.setdefault(result.name, result)
            if any(not matched_rates(a, b, evidence.tau) for a, b in combinations(firsts.values(), 2)):
                texts = listed(f"{method} {result.speedup:.4g}x" for method, result in firsts.items())
                yield ids(results), f"{where} at {target}: rates lie more than {evidence.tau:.1%} apart: {texts}"


def _at(*values: float) -> Iterable[Result]:
    return (pruned(f"l1-{v:g}", target=Target(axis="speedup", value=v), speedup=v) for v in values)


_PUBLISHED = {"target": None, "compression": None}
_TASKS = (("vgg16", "cifar100"), ("resnet50", "imagenet"))

RULES = (
    Rule(
        id="outside-tolerance",
        severity="caution",
        reason="A smaller network is less accurate, so methods are compared only where they left as much.",
        check=_outside,
        violation=case(
            "One method at 1.72x, the other at 1.82x.",
            pruned("sfp-0", method="sfp", speedup=1.72, **_PUBLISHED),
            pruned("taylor-0", method="taylor", speedup=1.82, **_PUBLISHED),
        ),
        passing=case(
            "One method at 2.12x, the other at 2.18x.",
            pruned("cc-0", method="cc", speedup=2.12, **_PUBLISHED),
            pruned("ccp-0", method="ccp", speedup=2.18, **_PUBLISHED),
        ),
    ),
    Rule(
        id="single-target",
        severity="caution",
        reason="Rankings of methods change with the amount of pruning.",
        check=_seen_at(1, 1, "seen at one rate only"),
        violation=case("L1-norm pruning at 2x alone.", *_at(2)),
        passing=case("L1-norm pruning at 2x and at 4x.", *_at(2, 4)),
    ),
    Rule(
        id="few-targets",
        severity="note",
        reason="Five rates over a range show where a method breaks down; fewer may lie to one side of that.",
        check=_seen_at(2, RATES_ASKED - 1, f"seen at fewer than {RATES_ASKED} rates"),
        violation=case("L1-norm pruning at 2x and at 4x.", *_at(2, 4)),
        passing=case("L1-norm pruning at 2x, 4x, 8x, 16x and 32x.", *_at(2, 4, 8, 16, 32)),
    ),
    Rule(
        id="few-tasks",
        severity="note",
        reason="What holds for one network on one data set need not hold for the next, least of all from MNIST.",
        check=_few_tasks,
        violation=case(
            "A LeNet-5 on MNIST and a ResNet-56 on CIFAR-10.",
            pruned("l1-0"),
            pruned("l1-1", network="lenet5", dataset="mnist"),
        ),
        passing=case(
            "Also a VGG-16 on CIFAR-100 and a ResNet-50 on ImageNet.",
            pruned("l1-0"),
            *(pruned(f"l1-{network}", network=network, dataset=dataset) for network, dataset in _TASKS),
        ),
    ),
)
