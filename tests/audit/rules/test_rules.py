from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from fairprune.audit import RULES, Result, Rule, audit
from fairprune.audit.examples import DECLARED, Judged, scratch
from fairprune.audit.finding import SEVERITIES
from fairprune.schedules import parse
from fairprune.spec import Target

Make = Callable[..., Result]
Said = Callable[..., list[tuple[tuple[str, ...], str]]]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_sees_its_violation_and_passes_its_pass(rule: Rule) -> None:
    evidence = rule.violation.evidence
    findings = rule.findings(evidence)
    assert findings
    assert {finding.rule for finding in findings} == {rule.id}
    assert {finding.severity for finding in findings} == {rule.severity}
    assert {i for finding in findings for i in finding.ids} <= {result.id for result in evidence.results}
    assert rule.findings(rule.passing.evidence) == ()


def test_rules_are_told_apart_and_explained() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.reason.endswith(".") and "\n" not in rule.reason for rule in RULES)


def test_worst_first(make: Make) -> None:
    findings = audit([make("a", selected_on="test", executed="dense"), make("b", method="other", run_seed=1)])
    order = [list(SEVERITIES).index(finding.severity) for finding in findings]
    assert order == sorted(order)
    assert len(set(order)) == 3


def test_nothing_to_say_about_nothing() -> None:
    assert audit([]) == ()


def test_studies_by_the_book_have_no_findings(make: Make) -> None:
    results = []
    for seed, (network, dataset) in product(
        range(3), (("resnet56", "cifar10"), ("vgg16", "cifar100"), ("vit", "svhn"))
    ):
        base = {"base_seed": seed, "run_seed": seed, "base_checkpoint": f"{network}-{seed}"}
        shared = {**base, "network": network, "dataset": dataset, "task": f"{dataset}-{network}"}
        dense = {"kind": "dense", "criterion": None, "granularity": None, "target": None}
        results.append(make(f"dense-{network}-{seed}", method="dense", **shared, **dense, speedup=1, compression=1))
        for method, value in product(("random", "l1_norm", "taylor"), (2, 4, 8, 16, 32)):
            amount = {"target": Target(axis="speedup", value=value), "speedup": float(value)}
            run = f"{method}-{network}-{value}-{seed}"
            results.append(make(run, method=method, criterion=method, **shared, **amount))
    contrasts = [Judged("better", method="taylor", target="speedup 2x")]
    assert audit(results, DECLARED, contrasts) == ()


# setups


def test_weak_setups_are_summed_up_by_target(make: Make, said: Said) -> None:
    other = {"retrain_schedule": parse("constant:1e-2 total:40"), "base_checkpoint": "other"}
    results = [make("a"), make("b", method="b"), make("c", method="c", **other)]
    ((ids, text),) = said("setup-below-s3.2", *results)
    assert ids == ("a", "c", "b")
    assert text == (
        "resnet56 on cifar10 at speedup 2x: 2 of 3 pairs of methods do not reach S3.2, the weakest is S1 (tau 5.0%)"
    )


def test_recipes_are_an_axis_so_the_best_pair_of_two_methods_counts(make: Make, said: Said) -> None:
    fast = {"recipe": "fast", "retrain_schedule": parse("constant:1e-2 total:40")}
    crossed = [make(f"{m}-{r}", method=m, **r_fields) for m in "ab" for r, r_fields in (("slow", {}), ("fast", fast))]
    assert said("setup-below-s3.2", *crossed) == []
    assert len(said("setup-below-s3.2", crossed[0], crossed[3])) == 1


def test_runs_of_other_seeds_or_targets_are_not_compared(make: Make, said: Said) -> None:
    other = make("b", method="b", base_checkpoint="other")
    assert len(said("setup-below-s3.2", make("a"), other)) == 1
    assert said("setup-below-s3.2", make("a"), make("b", method="b", base_checkpoint="other", base_seed=1)) == []
    near = Target(axis="speedup", value=2.05)
    assert said("setup-below-s3.2", make("a"), make("b", method="b", base_checkpoint="other", target=near)) == []


def test_published_results_without_target_or_seeds_are_compared(make: Make, said: Said) -> None:
    bare: dict[str, Any] = {"target": None, "base_seed": None, "run_seed": None, "momentum": None}
    paper = [make("a", **bare), make("b", **bare | {"method": "b"})]
    ((_, text),) = said("setup-below-s3.2", *paper)
    assert "resnet56 on cifar10: 1 of 1" in text
    assert said("setup-below-s3.2", *paper, assume_equal={"momentum"}) == []
    paper.append(make("c", **bare | {"method": "c", "base_checkpoint": "other"}))
    ((_, text),) = said("setup-below-s3.2", *paper, assume_equal={"momentum"})
    assert text.endswith("assumed equal: momentum)")


def test_failed_runs_are_not_compared(make: Make, said: Said) -> None:
    assert said("setup-below-s3.2", make("a"), make("b", method="b", momentum=0.0, status="failed")) == []


# seeds, targets


def test_seeds_are_counted_by_point(make: Make, said: Said) -> None:
    three = [make(f"a{seed}", run_seed=seed) for seed in range(3)]
    twice = [make("b0", method="b"), make("b0-again", method="b")]  # one seed, two attempts
    ((ids, text),) = said("few-seeds", *three, *twice, facts=DECLARED)
    assert ids == ("b0", "b0-again")
    assert text == ("resnet56 on cifar10: 1 of 2 points do not rest on 3 runs: 1 on 1 (3 seeds were declared)")


def test_published_means_count_their_runs(make: Make, said: Said) -> None:
    paper = {"run_seed": None, "base_seed": None}
    assert said("few-seeds", make("a", seeds=3, **paper)) == []
    ((_, text),) = said("few-seeds", make("a", seeds=2, **paper), make("b", method="b", seeds=None, **paper))
    assert text.endswith("2 of 2 points do not rest on 3 runs: 1 on 2, 1 on an unstated number")


def test_runs_that_did_not_end_are_no_seeds(make: Make, said: Said) -> None:
    runs = [make(f"a{seed}", run_seed=seed, status="diverged" if seed else "done") for seed in range(3)]
    assert len(said("few-seeds", *runs)) == 1
    ((ids, text),) = said("incomplete-runs", *runs)
    assert ids == ("a1", "a2")
    assert text.startswith("2 of 3 runs diverged")


@pytest.mark.parametrize(
    ("changes", "missed"),
    [
        ({"speedup": 1.979}, True),
        ({"speedup": 1.981}, False),
        ({"speedup": 2.021}, True),
        ({"speedup": 2.1, "on_target": True}, False),
        ({"speedup": 2.0, "on_target": False}, True),
        ({"target": Target(axis="ratio", value=0.5)}, False),
        ({"target": Target(axis="ratio", value=0.5), "on_target": False}, True),
        ({"target": Target(axis="ratio", value=0.5), "removed": 0.504}, False),
        ({"target": Target(axis="ratio", value=0.5), "removed": 0.506}, True),
        ({"target": Target(axis="ratio", value=0.5), "removed": 0.506, "on_target": True}, False),
        ({"target": Target(axis="ratio", value=0.0), "removed": 0.0}, False),
        ({"target": None, "speedup": 7.0}, False),
        ({"speedup": None}, False),
    ],
)
def test_off_target(make: Make, changes: dict[str, Any], missed: bool, said: Said) -> None:
    assert bool(said("off-target", make("a", **changes))) == missed


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"speedup": 1.87}, "a at speedup 2x reached 1.87x"),
        ({"target": Target(axis="compression", value=4), "compression": 3.21}, "a at compression 4x reached 3.21x"),
        ({"target": Target(axis="ratio", value=0.1), "removed": 5 / 27}, "a at ratio 0.1 removed 0.185"),
        ({"target": Target(axis="ratio", value=0.1), "on_target": False}, "a at ratio 0.1"),
    ],
)
def test_how_far_off_target_is_said(make: Make, changes: dict[str, Any], text: str, said: Said) -> None:
    ((_, found),) = said("off-target", make("a", method="a", **changes))
    assert found.endswith(f"miss their target: {text}")


def test_contrasts_point_at_their_runs(make: Make, said: Said) -> None:
    runs = [make("a"), make("b", method="b"), make("c", recipe="other"), make("d", target=None)]
    contrasts = [Judged("not separated"), Judged("not separated", method="b"), Judged("worse", method="c")]
    ((ids, text),) = said("not-separated", *runs, contrasts=contrasts)
    assert ids == ("a", "b")
    assert text.startswith("cifar10-resnet56, finetune, speedup 2x: l1_norm, b not separated")


@pytest.mark.parametrize("base", [None, "base-1"])
def test_one_base_needs_every_base_known_and_equal(make: Make, base: str | None, said: Said) -> None:
    assert said("one-base", make("a"), make("b", base_checkpoint=base)) == []
    assert len(said("one-base", make("a"), make("b"), scratch("s"))) == 1
    assert said("one-base", make("a")) == []


def test_long_lists_are_cut(make: Make, said: Said) -> None:
    ((ids, text),) = said("selected-on-test", *(make(str(i), method=f"m{i}", selected_on="test") for i in range(9)))
    assert len(ids) == 9
    assert text.endswith("m0, m1, m2, m3, m4, m5 and 3 more")


def test_runs_that_share_a_base_are_not_independent(make: Make, said: Said) -> None:
    bases = [{"base_seed": base, "base_checkpoint": f"base-{base}"} for base in range(2)]
    crossed = [make(f"{i}{run}", run_seed=run, **base) for i, base in enumerate(bases) for run in range(3)]
    ((ids, text),) = said("shared-bases", *crossed)
    assert len(ids) == 6
    assert text == "resnet56 on cifar10: up to 3 runs of a method from each of 2 base models"
    assert said("one-base", *crossed) == []
    assert said("shared-bases", *crossed[:3]) == []
    assert len(said("one-base", *crossed[:3])) == 1
    assert said("shared-bases", crossed[0], crossed[4]) == []
