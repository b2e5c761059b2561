from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairprune.audit import RULES, Result, Rule, StudyFacts, audit
from fairprune.audit.examples import DECLARED, Judged, scratch
from fairprune.audit.finding import SEVERITIES
from fairprune.schedules import parse
from fairprune.spec import Target

Make = Callable[..., Result]


def said(rule: str, *results: Result, **options: Any) -> list[tuple[tuple[str, ...], str]]:
    return [(finding.ids, finding.text) for finding in audit(results, **options) if finding.rule == rule]


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


def test_a_study_by_the_book_has_no_findings(make: Make) -> None:
    results = []
    for seed in range(3):
        base = {"base_seed": seed, "run_seed": seed, "base_checkpoint": f"base-{seed}"}
        dense = {
            "kind": "dense",
            "criterion": None,
            "granularity": None,
            "target": None,
            "speedup": 1,
            "compression": 1,
        }
        results.append(make(f"dense-{seed}", method="dense", **base, **dense))
        for method in ("random", "l1_norm", "taylor"):
            for value in (2, 4):
                amount = {"target": Target(axis="speedup", value=value), "speedup": float(value)}
                results.append(make(f"{method}-{value}-{seed}", method=method, criterion=method, **base, **amount))
    contrasts = [Judged("better", method="taylor", target="speedup 2x")]
    assert audit(results, DECLARED, contrasts) == ()


# setups


def test_weak_setups_are_summed_up_by_target(make: Make) -> None:
    other = {"retrain_schedule": parse("constant:1e-2 total:40"), "base_checkpoint": "other"}
    results = [make("a"), make("b", method="b"), make("c", method="c", **other)]
    ((ids, text),) = said("setup-below-s3.2", *results)
    assert ids == ("a", "c", "b")
    assert text == (
        "resnet56 on cifar10 at speedup 2x: 2 of 3 pairs of methods do not reach S3.2, the weakest is S1 "
        "(base_checkpoint differs in 2, retrain_schedule differs in 2; tau 5.0%)"
    )


def test_recipes_are_an_axis_so_the_best_pair_of_two_methods_counts(make: Make) -> None:
    fast = {"recipe": "fast", "retrain_schedule": parse("constant:1e-2 total:40")}
    crossed = [make(f"{m}-{r}", method=m, **r_fields) for m in "ab" for r, r_fields in (("slow", {}), ("fast", fast))]
    assert said("setup-below-s3.2", *crossed) == []
    assert len(said("setup-below-s3.2", crossed[0], crossed[3])) == 1


def test_runs_of_other_seeds_or_targets_are_not_compared(make: Make) -> None:
    other = make("b", method="b", base_checkpoint="other")
    assert len(said("setup-below-s3.2", make("a"), other)) == 1
    assert said("setup-below-s3.2", make("a"), make("b", method="b", base_checkpoint="other", base_seed=1)) == []
    near = Target(axis="speedup", value=2.05)
    assert said("setup-below-s3.2", make("a"), make("b", method="b", base_checkpoint="other", target=near)) == []


def test_published_results_without_target_or_seeds_are_compared(make: Make) -> None:
    bare: dict[str, Any] = {"target": None, "base_seed": None, "run_seed": None, "momentum": None}
    paper = [make("a", **bare), make("b", **bare | {"method": "b"})]
    ((_, text),) = said("setup-below-s3.2", *paper)
    assert "resnet56 on cifar10: 1 of 1" in text
    assert "momentum unknown in 1" in text
    assert said("setup-below-s3.2", *paper, assume_equal={"momentum"}) == []
    paper.append(make("c", **bare | {"method": "c", "base_checkpoint": "other"}))
    ((_, text),) = said("setup-below-s3.2", *paper, assume_equal={"momentum"})
    assert text.endswith("assumed equal: momentum)")


def test_failed_runs_are_not_compared(make: Make) -> None:
    assert said("setup-below-s3.2", make("a"), make("b", method="b", momentum=0.0, status="failed")) == []


def test_a_scratch_run_needs_one_rival_of_its_budget(make: Make) -> None:
    longer = make("longer", recipe="long", retrain_schedule=parse("constant:1e-3 total:60"))
    assert len(said("scratch-budget", longer, scratch("s"))) == 1
    assert said("scratch-budget", longer, make("a"), scratch("s")) == []
    assert said("scratch-budget", scratch("s")) == []  # no rival, no comparison
    b = scratch("s", pretrain_schedule=parse("constant:1e-1 total:320"))  # 2 x 160 epochs of the base
    assert len(said("scratch-budget", make("a"), b)) == 1
    assert said("scratch-budget", make("a"), b, reading="liu") == []


# seeds, controls, targets


def test_seeds_are_counted_by_point(make: Make) -> None:
    three = [make(f"a{seed}", run_seed=seed) for seed in range(3)]
    twice = [make("b0", method="b"), make("b0-again", method="b")]  # one seed, two attempts
    ((ids, text),) = said("few-seeds", *three, *twice, facts=DECLARED)
    assert ids == ("b0", "b0-again")
    assert text == ("resnet56 on cifar10: 1 of 2 points do not rest on 3 runs: 1 on 1 (3 seeds were declared)")


def test_published_means_count_their_runs(make: Make) -> None:
    paper = {"run_seed": None, "base_seed": None}
    assert said("few-seeds", make("a", seeds=3, **paper)) == []
    ((_, text),) = said("few-seeds", make("a", seeds=2, **paper), make("b", method="b", seeds=None, **paper))
    assert text.endswith("2 of 2 points do not rest on 3 runs: 1 on 2, 1 on an unstated number")


def test_runs_that_did_not_end_are_no_seeds(make: Make) -> None:
    runs = [make(f"a{seed}", run_seed=seed, status="diverged" if seed else "done") for seed in range(3)]
    assert len(said("few-seeds", *runs)) == 1
    ((ids, text),) = said("incomplete-runs", *runs)
    assert ids == ("a1", "a2")
    assert text.startswith("2 of 3 runs diverged")


def test_controls_are_needed_at_each_granularity(make: Make) -> None:
    dense = make("dense", kind="dense", granularity=None, target=None)
    weights = make("w", method="random", criterion="random", granularity="weight")
    found = said("missing-control", dense, make("a"), weights)
    assert found == [
        (("a",), "resnet56 on cifar10: no control among channel results under finetune: random"),
        (("w",), "resnet56 on cifar10: no control among weight results under finetune: magnitude"),
    ]


def test_a_control_under_another_recipe_is_none(make: Make) -> None:
    dense = {"kind": "dense", "granularity": None, "target": None, "criterion": None}
    both = [make("a"), make("b", recipe="longer"), make("dense", **dense, method="dense", recipe="longer")]
    found = said("missing-control", *both)
    assert [text.rpartition("under ")[2] for _, text in found] == ["finetune: dense, random", "longer: random"]


@pytest.mark.parametrize(
    ("changes", "lacking"),
    [
        ({}, "a (random and magnitude)"),
        ({"criterion": "magnitude"}, "a (random)"),
        ({"criterion": "random"}, None),
        ({"allocation": "given"}, "a (random and magnitude)"),
        ({"allocation": "uniform"}, None),
        ({"allocation": None, "amounts": None}, None),
    ],
)
def test_who_chooses_per_layer_amounts_needs_controls_with_them(
    make: Make, changes: dict[str, Any], lacking: str | None
) -> None:
    fields = {"method": "a", "criterion": "taylor", "allocation": "global", "amounts": "a"} | changes
    other = make("other", criterion="random", allocation="like", amounts="other")
    expected = [(("a",), f"resnet56 on cifar10: no control with the per-layer amounts of {lacking}")] if lacking else []
    assert said("missing-like-control", make("a", **fields), other) == expected


def test_controls_switched_off_are_missing_all_the_same(make: Make) -> None:
    facts = StudyFacts(switched_off=frozenset({"random"}))
    ((_, text),) = said("missing-control", make("a"), facts=facts)
    assert text.endswith("dense, random (switched off)")


@pytest.mark.parametrize("method", ["Random pruning", "L1-norm (W)", "Global Magnitude", "l2_norm"])
def test_published_controls_are_known_by_name(make: Make, method: str) -> None:
    ((_, text),) = said("missing-control", make("a", criterion=None, method=method))
    assert ("random" in text) != ("Random" in method)
    assert ("magnitude" in text) == ("Random" in method)


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
def test_off_target(make: Make, changes: dict[str, Any], missed: bool) -> None:
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
def test_how_far_off_target_is_said(make: Make, changes: dict[str, Any], text: str) -> None:
    ((_, found),) = said("off-target", make("a", method="a", **changes))
    assert found.endswith(f"miss their target: {text}")


def test_single_targets_are_told_by_method(make: Make) -> None:
    rates = [make("a1"), make("a2", target=Target(axis="speedup", value=4)), make("b", method="b")]
    ((ids, text),) = said("single-target", *rates)
    assert (ids, text) == (("b",), "resnet56 on cifar10: seen at one rate only: b (speedup 2x)")


def test_contrasts_point_at_their_runs(make: Make) -> None:
    runs = [make("a"), make("b", method="b"), make("c", recipe="other"), make("d", target=None)]
    contrasts = [Judged("not separated"), Judged("not separated", method="b"), Judged("worse", method="c")]
    ((ids, text),) = said("not-separated", *runs, contrasts=contrasts)
    assert ids == ("a", "b")
    assert text.startswith("cifar10-resnet56, finetune, speedup 2x: l1_norm, b not separated")


@pytest.mark.parametrize("base", [None, "base-1"])
def test_one_base_needs_every_base_known_and_equal(make: Make, base: str | None) -> None:
    assert said("one-base", make("a"), make("b", base_checkpoint=base)) == []
    assert len(said("one-base", make("a"), make("b"), scratch("s"))) == 1
    assert said("one-base", make("a")) == []


def test_mixed_values_name_the_odd_ones_out(make: Make) -> None:
    runs = [
        make("a"),
        make("b", device="cuda"),
        make("c"),
        make("d", device=None),
        make("e", network="vgg16", device="tpu"),
    ]
    assert said("mixed-device", *runs) == [(("b",), "resnet56 on cifar10: device: cpu (2), cuda (1)")]


def test_long_lists_are_cut(make: Make) -> None:
    ((ids, text),) = said("selected-on-test", *(make(str(i), method=f"m{i}", selected_on="test") for i in range(9)))
    assert len(ids) == 9
    assert text.endswith("m0, m1, m2, m3, m4, m5 and 3 more")


def test_runs_that_share_a_base_are_not_independent(make: Make) -> None:
    bases = [{"base_seed": base, "base_checkpoint": f"base-{base}"} for base in range(2)]
    crossed = [make(f"{i}{run}", run_seed=run, **base) for i, base in enumerate(bases) for run in range(3)]
    ((ids, text),) = said("shared-bases", *crossed)
    assert len(ids) == 6
    assert text == "resnet56 on cifar10: up to 3 runs of a method from each of 2 base models"
    assert said("one-base", *crossed) == []
    assert said("shared-bases", *crossed[:3]) == []
    assert len(said("one-base", *crossed[:3])) == 1
    assert said("shared-bases", crossed[0], crossed[4]) == []
