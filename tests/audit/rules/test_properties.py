"""What holds of all rules, whatever is known of the results."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fairprune.audit import Result, audit
from fairprune.audit.examples import pruned
from fairprune.schedules import parse
from fairprune.spec import Target

SCHEDULES = [parse(text) for text in ("constant:1e-3 total:40", "0:1e-2,20:1e-3 total:40", "cosine:1e-2->0 total:60")]
VALUES: dict[str, list[Any]] = {
    "dataset": ["cifar10", "imagenet", "mnist@0123456789"],
    "network": ["resnet56", "vgg16"],
    "criterion": ["random", "l1_norm", "taylor"],
    "granularity": ["channel", "weight"],
    "recipe": ["finetune", "fast"],
    "base_checkpoint": ["base-0", "base-1"],
    "target": [Target(axis="speedup", value=2), Target(axis="ratio", value=0.5)],
    "compression": [1.9, 4.0],
    "speedup": [2.0, 2.09, 2.2],
    "prune_schedule": [parse("none"), parse("constant:1e-3 total:5")],
    "retrain_schedule": SCHEDULES,
    "optimizer": ["sgd", "adam"],
    "momentum": [0.9, 0.0],
    "augmentation": ["", "flip"],
    "allocation": ["uniform", "global", "like"],
    "amounts": ["a", "b"],
    "spare": [("classifier",), ()],
    "calibration": [0, 512, 128],
    "tuning_trials": [0, 20],
    "selected_on": ["last", "test"],
    "executed": ["small", "dense"],
    "top1": [92.0, 93.0],
    "base_top1": [93.5, 94.0],
    "params_m_base": [0.85, 1.7],
    "macs_g_base": [0.1255, 0.25, 0.4],
    "seeds": [1, 5],
    "run_seed": [0, 1],
    "base_seed": [0, 1],
}


@st.composite
def several(draw: st.DrawFn) -> list[Result]:
    """Up to 5 results of several methods, which share most fields; many are unknown."""
    results = []
    for number in range(draw(st.integers(0, 5))):
        changed = draw(st.sets(st.sampled_from(sorted(VALUES)), max_size=6))
        fields = {field: draw(st.sampled_from([None, *VALUES[field]])) for field in sorted(changed)}
        if "prune_schedule" in fields:
            fields["prune_epochs"] = None
        results.append(pruned(f"{number}", method=f"method-{number}", **fields))
    return results


@settings(max_examples=60)
@given(several(), st.randoms())
def test_the_order_of_results_does_not_matter(results: list[Result], random: Any) -> None:
    shuffled = list(results)
    random.shuffle(shuffled)
    one, other = audit(results), audit(shuffled)
    assert [finding.rule for finding in one] == [finding.rule for finding in other]
    assert {(f.rule, frozenset(f.ids)) for f in one} == {(f.rule, frozenset(f.ids)) for f in other}


@settings(max_examples=60)
@given(several())
def test_findings_are_one_line_about_results_that_are_there(results: list[Result]) -> None:
    for finding in audit(results):
        assert "\n" not in finding.text
        assert "None" not in finding.text
        assert set(finding.ids) <= {result.id for result in results}
        assert len(set(finding.ids)) == len(finding.ids)


def unfair(results: list[Result]) -> set[str]:
    return {finding.rule for finding in audit(results) if finding.severity == "unfair"}


def test_where_nothing_is_known_nothing_is_called_unfair() -> None:
    blank = dict.fromkeys(VALUES.keys() - {"prune_schedule"})
    assert unfair([pruned(f"{n}", method=f"method-{n}", **blank) for n in range(2)]) == set()


TOLD = ("base_checkpoint", "retrain_schedule", "optimizer", "augmentation", "top1", "base_top1", "macs_g_base")


@settings(max_examples=60)
@given(several(), st.sampled_from(TOLD))
def test_a_blank_is_held_against_nobody_but_that_it_establishes_nothing(results: list[Result], lost: str) -> None:
    gone: dict[str, Any] = {lost: None}
    if lost == "base_checkpoint":  # accuracies tell base models apart as well, where their names do not
        gone["base_top1"] = None
    after = unfair([replace(result, **gone) for result in results])
    assert after <= unfair(results) | {"setup-below-s3.2"}
