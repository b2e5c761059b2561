"""What was spent, and the rates that training ends at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairprune.audit import Result
from fairprune.audit.examples import scratch
from fairprune.schedules import parse

Make = Callable[..., Result]
Said = Callable[..., list[tuple[tuple[str, ...], str]]]

WHERE = "resnet56 on cifar10"
GRADUAL: dict[str, Any] = {"method": "b", "prune_epochs": None, "prune_schedule": parse("constant:1e-3 total:20")}


def test_a_scratch_run_needs_one_rival_of_its_budget(make: Make, said: Said) -> None:
    longer = make("longer", recipe="long", retrain_schedule=parse("constant:1e-3 total:60"))
    assert len(said("scratch-budget", longer, scratch("s"))) == 1
    assert said("scratch-budget", longer, make("a"), scratch("s")) == []
    assert said("scratch-budget", scratch("s")) == []  # no rival, no comparison
    b = scratch("s", pretrain_schedule=parse("constant:1e-1 total:320"))  # 2 x 160 epochs of the base
    assert len(said("scratch-budget", make("a"), b)) == 1
    assert said("scratch-budget", make("a"), b, reading="liu") == []


def test_pruning_that_trains_is_told_with_its_epochs(make: Make, said: Said) -> None:
    ((ids, text),) = said("pruning-cost", make("a"), make("b", **GRADUAL))
    assert ids == ("a", "b")
    assert text == (
        f"{WHERE}: 1 of 1 pairs of methods trained unequally while pruning, and in all; epochs of pruning: "
        "0 (l1_norm), 20 (b)"
    )


def test_pruning_that_is_made_up_for_is_counted(make: Make, said: Said) -> None:
    shorter = make("b", **GRADUAL, retrain_schedule=parse("constant:1e-3 total:20"))  # 20 + 20 epochs against 40
    assert said("pruning-cost", make("a"), shorter) == []


def test_unknown_epochs_of_pruning_are_another_finding(make: Make, said: Said) -> None:
    results = make("a"), make("b", method="b", prune_epochs=None)
    assert said("pruning-cost", *results) == []
    assert [ids for ids, _ in said("unknown-pruning-cost", *results)] == [("b",)]
    assert said("unknown-pruning-cost", *results, assume_equal={"prune_epochs"}) == []


@pytest.mark.parametrize(
    ("schedule", "differs"),
    [
        ("constant:1e-3 total:90", False),
        ("cosine:1e-2->1e-3 total:40", False),
        ("cosine:1e-2->0 total:40", True),
        ("0:1e-3,39:1e-4 total:40", True),
    ],
)
def test_the_rate_that_retraining_ends_at(make: Make, said: Said, schedule: str, differs: bool) -> None:
    found = said("final-rate", make("a"), make("b", method="b", retrain_schedule=parse(schedule)))
    assert bool(found) == differs


def test_a_training_that_is_the_pruning_ends_at_its_own_rate(make: Make, said: Said) -> None:
    none = parse("none")
    within = make(
        "b", method="b", prune_epochs=None, prune_schedule=parse("constant:1e-2 total:40"), retrain_schedule=none
    )
    ((_, text),) = said("final-rate", make("a"), within)
    assert text == f"{WHERE}: training ends at different learning rates: 1e-3 (l1_norm), 1e-2 (b)"


def test_unknown_schedules_end_nowhere(make: Make, said: Said) -> None:
    unknown = make("b", method="b", retrain_schedule=None, retrain_epochs=40)
    untrained = make("c", method="c", retrain_schedule=None, retrain_epochs=0, prune_epochs=None)
    assert said("final-rate", make("a"), unknown, untrained) == []


def test_a_scratch_run_needs_one_rival_that_ends_at_its_rate(make: Make, said: Said) -> None:
    other = make("b", recipe="other", retrain_schedule=parse("0:1e-2,20:1e-4 total:40"))
    assert said("final-rate", make("a"), other, scratch("s")) == []
    ((ids, text),) = said("final-rate", other, scratch("s"))
    assert ids == ("b", "s")
    assert text.endswith("1e-4 (l1_norm), 1e-3 (l1_norm)")
