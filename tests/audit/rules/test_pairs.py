"""Two methods side by side: each reason why they do not compare, and whose it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairprune.audit import Result
from fairprune.schedules import parse

Make = Callable[..., Result]
Said = Callable[..., list[tuple[tuple[str, ...], str]]]

BARE: dict[str, Any] = {"target": None, "base_seed": None, "run_seed": None}
FAST = parse("0:1e-2,20:1e-3 total:40")
WHERE = "resnet56 on cifar10"


def test_each_reason_has_a_rule_of_its_own(make: Make, said: Said) -> None:
    changes: dict[str, dict[str, Any]] = {
        "base-differs": {"base_checkpoint": "base-1"},
        "schedule-differs": {"retrain_schedule": FAST},
        "recipe-differs": {"momentum": 0.0},
        "unknown-base": {"base_checkpoint": None},
        "unknown-schedule": {"retrain_schedule": None},
        "unknown-recipe": {"augmentation": None},
    }
    for rule, change in changes.items():
        results = make("a"), make("b", method="b", **change)
        assert {name for name in changes if said(name, *results)} == {rule}
        assert len(said("setup-below-s3.2", *results)) == 1


def test_base_models_are_named(make: Make, said: Said) -> None:
    digest = "0123456789" * 7
    results = make("a"), make("b", method="b", base_checkpoint=digest), make("c", method="c")
    ((ids, text),) = said("base-differs", *results)
    assert ids == ("a", "b", "c")
    assert (
        text == f"{WHERE}: 2 of 3 pairs of methods start from different base models: base-0 (l1_norm, c), 01234567 (b)"
    )


@pytest.mark.parametrize(("accuracy", "differs"), [(76.13, False), (76.01, True), (None, False)])
def test_unnamed_base_models_differ_by_their_accuracy(
    make: Make, said: Said, accuracy: float | None, differs: bool
) -> None:
    named, unnamed = make("a", base_top1=76.15), make("b", method="b", base_checkpoint=None, base_top1=accuracy)
    assert bool(said("base-differs", named, unnamed)) == differs
    assert bool(said("base-differs", named, unnamed, assume_equal={"base_checkpoint"})) == differs


def test_schedules_stand_for_their_epochs(make: Make, said: Said) -> None:
    longer = make("b", method="b", retrain_schedule=parse("constant:1e-3 total:60"))
    ((_, text),) = said("schedule-differs", make("a"), longer)
    assert text.endswith("schedules: constant:1e-3 total:40 (l1_norm), constant:1e-3 total:60 (b)")
    known = {"retrain_schedule": None, "retrain_epochs": 60}
    ((_, text),) = said("schedule-differs", make("a"), make("b", method="b", **known))
    assert text.endswith("schedules: 40 epochs (l1_norm), 60 epochs (b)")


def test_the_recipe_says_which_field(make: Make, said: Said) -> None:
    other = make("b", method="b", weight_decay=5e-4, augmentation="")
    ((_, text),) = said("recipe-differs", make("a"), other)
    assert text == (
        f"{WHERE}: 1 of 1 pairs of methods were retrained by different recipes: weight_decay 0.0001 (l1_norm), "
        "weight_decay 0.0005 (b), augmentation pad-crop:4 flip (l1_norm), augmentation none (b)"
    )


def test_one_method_under_two_recipes_is_no_comparison_of_methods(make: Make, said: Said) -> None:
    results = make("a"), make("b", retrain_schedule=FAST, base_checkpoint="base-1")
    assert not any(said(rule, *results) for rule in ("setup-below-s3.2", "base-differs", "schedule-differs"))


# leads that come with another recipe

LEAD = {"top1": 93.0, "method": "new", "retrain_schedule": FAST}


@pytest.mark.parametrize(
    ("old", "slow", "fast", "found"),
    [
        (92.0, 90.0, 91.0, True),  # the lead is 1 point, and so is what the recipe gives
        (92.0, 90.0, 90.9, False),
        (92.0, 91.0, 90.0, False),  # the recipe takes
        (94.0, 90.0, 95.0, False),  # no lead
        (94.0, 91.0, 90.0, True),  # the other's lead, as much as its recipe gives
        (94.0, 90.5, 90.0, False),
    ],
)
def test_a_lead_is_measured_against_the_recipe_alone(
    make: Make, said: Said, old: float, slow: float, fast: float, found: bool
) -> None:
    results = [
        make("new", **LEAD),
        make("old", method="old", top1=old),
        make("slow", top1=slow),
        make("fast", top1=fast, retrain_schedule=FAST),
    ]
    assert bool(said("recipe-confounded", *results)) == found


def test_the_lead_and_the_recipe_are_means_over_seeds(make: Make, said: Said) -> None:
    results = []
    for seed in range(2):
        sides = {"base_seed": seed, "run_seed": seed, "base_checkpoint": f"base-{seed}"}
        results += [
            make(f"new-{seed}", **LEAD | sides | {"top1": 93.0 + seed}),
            make(f"old-{seed}", method="old", top1=92.5, **sides),
            make(f"slow-{seed}", top1=90.0, **sides),
            make(f"fast-{seed}", top1=91.0 + seed / 2, retrain_schedule=FAST, **sides),
        ]
    ((ids, text),) = said("recipe-confounded", *results)
    assert set(ids) == {"new-0", "old-0", "new-1", "old-1"}
    lead = "new over old at speedup 2x +1.00, the recipe alone +1.25"
    assert text == f"{WHERE}: leads that the recipe gives another method: {lead}"


@pytest.mark.parametrize(
    "changes",
    [
        {"top1": None},
        {"base_checkpoint": "base-1"},
        {"retrain_schedule": None},
        {"retrain_schedule": parse("0:1e-2,30:1e-3 total:40")},
        {"weight_decay": 5e-4},
        {"method": "other"},
        {"speedup": 4.0, "compression": 4.0},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_only_the_same_change_of_recipe_counts(make: Make, said: Said, changes: dict[str, Any]) -> None:
    results = [
        make("new", **LEAD | BARE),
        make("old", method="old", top1=92.0, **BARE),
        make("slow", top1=90.0, **BARE),
    ]
    crossing = {"top1": 95.0, "retrain_schedule": FAST} | BARE
    assert len(said("recipe-confounded", *results, make("fast", **crossing))) == 1
    assert said("recipe-confounded", *results, make("fast", **crossing | changes)) == []


def test_published_rates_match_within_tau(make: Make, said: Said) -> None:
    sides: dict[str, Any] = {**BARE, "compression": None}
    results = [
        make("new", **LEAD | sides, speedup=2.31),
        make("old", method="old", top1=92.0, speedup=2.25, **sides),
        make("slow", top1=90.0, speedup=2.4, **sides),
        make("fast", top1=95.0, speedup=2.4, retrain_schedule=FAST, **sides),
    ]
    assert len(said("recipe-confounded", *results)) == 1
    assert said("recipe-confounded", *results, tau=0.03) == []


def test_methods_that_share_a_recipe_are_compared_under_that(make: Make, said: Said) -> None:
    results = [
        make("new", **LEAD),
        make("old", method="old", top1=92.0),
        make("old-fast", method="old", top1=94.0, retrain_schedule=FAST),
    ]
    assert said("recipe-confounded", *results) == said("schedule-differs", *results) == []
