"""What results do not state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairprune.audit import Result
from fairprune.audit.examples import scratch

Make = Callable[..., Result]
Said = Callable[..., list[tuple[tuple[str, ...], str]]]


def test_fields_are_counted(make: Make, said: Said) -> None:
    runs = [make("a", momentum=None), make("b", method="b", momentum=None, augmentation=None), make("c")]
    found = said("unknown-recipe", *runs)
    text = "2 of 3 results do not state momentum, augmentation (1): resnet56 on cifar10 (l1_norm, b)"
    assert found == [(("a", "b"), text)]


def test_several_places_are_summed_up(make: Make, said: Said) -> None:
    runs = [make(f"{i}", network=network, momentum=None) for i, network in enumerate(("vgg16", "vgg16", "resnet56"))]
    ((_, text),) = said("unknown-recipe", *runs)
    assert text == "3 of 3 results do not state momentum: vgg16 on cifar10 (2), resnet56 on cifar10 (1)"


@pytest.mark.parametrize(
    ("rule", "fields"),
    [
        ("unknown-base", ["base_checkpoint"]),
        ("unknown-schedule", ["retrain_schedule"]),
        ("unknown-recipe", ["optimizer", "momentum", "weight_decay", "batch_size", "augmentation"]),
        ("unknown-pruning-cost", ["prune_epochs"]),
    ],
)
def test_what_is_assumed_is_not_asked_for(make: Make, said: Said, rule: str, fields: list[str]) -> None:
    bare = make("a", **dict.fromkeys(fields))
    assert len(said(rule, bare)) == 1
    assert said(rule, bare, assume_equal=set(fields)) == []
    assert len(said(rule, bare, assume_equal={"network"})) == 1


def test_a_scratch_run_has_its_schedule_before(make: Make, said: Said) -> None:
    assert said("unknown-schedule", scratch("s")) == []
    ((ids, _),) = said("unknown-schedule", scratch("s", pretrain_schedule=None), make("a"))
    assert ids == ("s",)


def test_nothing_is_asked_of_stages_that_were_not(make: Make, said: Said) -> None:
    untrained = make("a", retrain_schedule=None, retrain_epochs=0, optimizer=None, momentum=None)
    dense = make("d", kind="dense", base_checkpoint=None, retrain_schedule=None, allocation=None, optimizer=None)
    for rule in ("unknown-recipe", "unknown-schedule", "unknown-base", "unknown-allocation"):
        assert said(rule, untrained, dense) == [], rule
    run = scratch("s", base_checkpoint=None, allocation=None, compression=None)
    for rule in ("unknown-base", "unknown-allocation", "unknown-rate", "unknown-pruning-cost", "unknown-checkpoint"):
        assert said(rule, run) == [], rule


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({"dataset": "ImageNet"}, True),
        ({"dataset": "image-net"}, True),
        ({"dataset": "imagenet@0123"}, True),
        ({"dataset": "imagenette"}, False),
        ({"dataset": "cifar10"}, False),
        ({"dataset": None}, False),
        ({"dataset": "ImageNet", "top5": 91.0}, False),
        ({"dataset": "ImageNet", "top1": None}, False),
    ],
)
def test_both_accuracies_are_asked_for_of_many_classes(
    make: Make, said: Said, changes: dict[str, Any], asked: bool
) -> None:
    assert bool(said("unknown-top5", make("a", **{"top1": 75.0} | changes))) == asked


@pytest.mark.parametrize(
    ("changes", "asked"),
    [({"seeds": 3}, True), ({"seeds": 3, "top1_std": 0.0}, False), ({"seeds": 1}, False), ({"seeds": None}, False)],
)
def test_a_deviation_is_asked_for_where_there_are_several_runs(
    make: Make, said: Said, changes: dict[str, Any], asked: bool
) -> None:
    assert bool(said("unknown-spread", make("a", **changes))) == asked


def test_either_name_of_a_task_may_be_missing(make: Make, said: Said) -> None:
    ((ids, text),) = said("unknown-task", make("a", network=None), make("b", dataset=None))
    assert ids == ("a", "b")
    assert text.startswith("2 of 2 results do not state network (1), dataset (1)")
