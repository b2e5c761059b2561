from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairprune.audit import Result, StudyFacts

Make = Callable[..., Result]
Said = Callable[..., list[tuple[tuple[str, ...], str]]]


def test_controls_are_needed_at_each_granularity(make: Make, said: Said) -> None:
    dense = make("dense", kind="dense", granularity=None, target=None)
    weights = make("w", method="random", criterion="random", granularity="weight")
    results = dense, make("a"), weights
    assert said("missing-dense", *results) == []
    expected = "resnet56 on cifar10: no random pruning beside channel results under finetune"
    assert said("missing-random", *results) == [(("a",), expected)]
    expected = "resnet56 on cifar10: no magnitude or L1-norm pruning beside weight results under finetune"
    assert said("missing-magnitude", *results) == [(("w",), expected)]


def test_a_control_under_another_recipe_is_none(make: Make, said: Said) -> None:
    dense = {"kind": "dense", "granularity": None, "target": None, "criterion": None}
    both = [make("a"), make("b", recipe="longer"), make("dense", **dense, method="dense", recipe="longer")]
    assert said("missing-dense", *both) == [
        (("a",), "resnet56 on cifar10: no dense network beside channel results under finetune")
    ]
    ((ids, text),) = said("missing-random", *both)
    assert ids == ("a", "b")
    assert text.endswith("beside channel results under finetune, channel results under longer")


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
    make: Make, changes: dict[str, Any], lacking: str | None, said: Said
) -> None:
    fields = {"method": "a", "criterion": "taylor", "allocation": "global", "amounts": "a"} | changes
    other = make("other", criterion="random", allocation="like", amounts="other")
    expected = [(("a",), f"resnet56 on cifar10: no control with the per-layer amounts of {lacking}")] if lacking else []
    assert said("missing-like-control", make("a", **fields), other) == expected


def test_controls_switched_off_are_missing_all_the_same(make: Make, said: Said) -> None:
    facts = StudyFacts(switched_off=frozenset({"random"}))
    ((_, text),) = said("missing-random", make("a"), facts=facts)
    assert text.endswith("under finetune (switched off)")
    ((_, text),) = said("missing-dense", make("a"), facts=facts)
    assert text.endswith("under finetune")


@pytest.mark.parametrize("method", ["Random pruning", "L1-norm (W)", "Global Magnitude", "l2_norm"])
def test_published_controls_are_known_by_name(make: Make, method: str, said: Said) -> None:
    result = make("a", criterion=None, method=method)
    assert bool(said("missing-random", result)) != ("Random" in method)
    assert bool(said("missing-magnitude", result)) == ("Random" in method)
