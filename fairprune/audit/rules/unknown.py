"""Rules about what results do not state: what is unknown establishes nothing, and cannot be repeated."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from fairprune.audit.examples import case, pruned
from fairprune.audit.finding import Evidence, Rule, Said, Severity, ids, listed
from fairprune.audit.result import Result
from fairprune.audit.rules.pairs import REST
from fairprune.audit.setups import RATES

_IMAGENET = re.compile(r"imagenet(?!te)", re.IGNORECASE)  # Imagenette has 10 classes

Missing = Callable[[Result], Iterable[str]]  # what a result does not state, in words


def _unstated(missing: Missing, *fields: str) -> Callable[[Evidence], Iterator[Said]]:
    """A check for results that leave something unsaid, unless these fields are assumed to be equal."""

    def check(evidence: Evidence) -> Iterator[Said]:
        if fields and evidence.assume_equal.issuperset(fields):
            return
        lacking = [(result, said) for result in evidence.done if (said := tuple(missing(result)))]
        if lacking:
            found = [result for result, _ in lacking]
            times = Counter(what for _, said in lacking for what in said)
            what = listed(what if n == len(found) else f"{what} ({n})" for what, n in times.most_common())
            yield ids(found), f"{len(found)} of {len(evidence.done)} results do not state {what}: {_whose(found)}"

    return check


def _whose(found: Sequence[Result]) -> str:
    """The methods, or where there is more than one place: the places."""
    places = Counter(result.place for result in found)
    if len(places) == 1:
        return f"{found[0].place} ({listed(result.name for result in found)})"
    return listed(f"{where} ({n})" for where, n in places.items())


def _blank(*fields: str, said: str = "") -> Missing:
    """Names of these fields, or what stands for them, where they are unknown of a pruned result."""
    return lambda r: [said or field for field in fields if r.kind == "prune" and getattr(r, field) is None]


def _schedule(result: Result) -> Iterable[str]:
    """A scratch run's training is its pretraining."""
    schedule = result.pretrain_schedule if result.kind == "scratch" else result.retrain_schedule
    return ["their retraining or scratch schedule"] if schedule is None and result.kind != "dense" else ()


def _recipe(result: Result) -> Iterable[str]:
    return () if result.retrain_epochs == 0 else _blank(*REST)(result)


def _top5(result: Result) -> Iterable[str]:
    many = _IMAGENET.search((result.dataset or "").replace("-", ""))
    return ["top-5 accuracy"] if many and result.top1 is not None and result.top5 is None else ()


def _spread(result: Result) -> Iterable[str]:
    several = result.seeds is not None and result.seeds > 1
    return ["the deviation of their runs"] if several and result.top1_std is None else ()


def _rule(
    id: str,
    severity: Severity,
    reason: str,
    check: Callable[[Evidence], Iterator[Said]],
    texts: tuple[str, str],
    wrong: dict[str, Any],
    right: dict[str, Any] | None = None,
) -> Rule:
    violation, passing = case(texts[0], pruned("l1-0", **wrong)), case(texts[1], pruned("l1-0", **(right or {})))
    return Rule(id, severity, reason, check, violation, passing)


RULES = (
    _rule(
        "unknown-task",
        "caution",
        "Results on a data set or network that nobody names, with its variant, compare with none.",
        _unstated(_blank("dataset", "network")),
        ("A result on CIFAR-10, for an unnamed network.", "A result for a ResNet-56 on CIFAR-10."),
        {"network": None},
    ),
    _rule(
        "unknown-base",
        "caution",
        "Two base models are not known to be one unless both are named.",
        _unstated(_blank("base_checkpoint", said="their base model"), "base_checkpoint"),
        ("The base model is some ResNet-56.", "The base model is one file, named by its digest."),
        {"base_checkpoint": None},
    ),
    _rule(
        "unknown-schedule",
        "caution",
        "The schedule of retraining moves accuracy by as much as methods differ.",
        _unstated(_schedule, "retrain_schedule"),
        ("Retraining of 40 epochs, at rates that nobody knows.", "Retraining of 40 epochs at 1e-3."),
        {"retrain_schedule": None, "retrain_epochs": 40},
    ),
    _rule(
        "unknown-recipe",
        "caution",
        "A recipe of retraining that is known in part may differ in the rest.",
        _unstated(_recipe, *REST),
        ("SGD with an unknown weight decay.", "SGD with its momentum, weight decay, batches and augmentation."),
        {"weight_decay": None},
    ),
    _rule(
        "unknown-pruning-cost",
        "caution",
        "Where the epochs of pruning are not stated, its cost is in no sum.",
        _unstated(_blank("prune_epochs", said="how long pruning trained"), "prune_epochs"),
        ("A method that may or may not train while it prunes.", "A one-shot method: 0 epochs of pruning."),
        {"prune_epochs": None},
    ),
    _rule(
        "unknown-checkpoint",
        "note",
        "Who does not say which epoch is reported may report the best one on the test set.",
        _unstated(_blank("selected_on", said="which epoch they report")),
        ("Accuracy, of an epoch that nobody knows.", "The last epoch is reported."),
        {"selected_on": None},
    ),
    _rule(
        "unknown-allocation",
        "note",
        "How much each layer loses matters as much as what is picked inside, so it belongs to the method.",
        _unstated(_blank("allocation", said="how much each layer loses")),
        ("A speedup of 2x, by removing nobody knows how much where.", "The same ratio in every layer."),
        {"allocation": None},
    ),
    _rule(
        "unknown-rate",
        "note",
        "Compression and speedup do not follow from each other, and methods that lead at one may trail at the other.",
        _unstated(_blank(*RATES)),
        ("A speedup of 2x, and an unknown compression.", "A speedup of 2x and a compression of 1.9x."),
        {"compression": None},
    ),
    _rule(
        "unknown-base-accuracy",
        "note",
        "A drop of accuracy needs the accuracy that it drops from.",
        _unstated(_blank("base_top1", said="the accuracy of their base model")),
        ("93.1 % after pruning, and nothing of the base model.", "93.1 % after pruning, 93.5 % before."),
        {"top1": 93.1, "base_top1": None},
        {"top1": 93.1, "base_top1": 93.5},
    ),
    _rule(
        "unknown-top5",
        "note",
        "Some papers print top-1 accuracy alone, some top-5: a result with both compares with all of them.",
        _unstated(_top5),
        ("Top-1 accuracy on ImageNet alone.", "Top-1 and top-5 accuracy on ImageNet."),
        {"dataset": "imagenet", "top1": 75.2},
        {"dataset": "imagenet", "top1": 75.2, "top5": 92.4},
    ),
    _rule(
        "unknown-spread",
        "note",
        "A mean of several runs without their deviation does not tell chance from difference.",
        _unstated(_spread),
        ("A mean of 5 runs.", "A mean of 5 runs and their deviation."),
        {"seeds": 5, "run_seed": None, "top1": 93.1},
        {"seeds": 5, "run_seed": None, "top1": 93.1, "top1_std": 0.2},
    ),
)
