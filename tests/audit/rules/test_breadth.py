"""How far a conclusion reaches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairprune.audit import Result
from fairprune.spec import Target

Make = Callable[..., Result]
Said = Callable[..., list[tuple[tuple[str, ...], str]]]

WHERE = "resnet56 on cifar10"
BARE: dict[str, Any] = {"target": None, "base_seed": None, "run_seed": None, "compression": None}


def published(make: Make, **speedups: float | None) -> list[Result]:
    """Results by method."""
    return [make(method, method=method, speedup=speedup, **BARE) for method, speedup in speedups.items()]


def test_single_targets_are_told_by_method(make: Make, said: Said) -> None:
    rates = [make("a1"), make("a2", target=Target(axis="speedup", value=4)), make("b", method="b")]
    assert said("single-target", *rates) == [(("b",), f"{WHERE}: seen at one rate only: b (speedup 2x)")]
    assert said("few-targets", *rates) == [(("a1", "a2"), f"{WHERE}: seen at fewer than 5 rates: l1_norm (2)")]


@pytest.mark.parametrize(("rates", "rule"), [(1, "single-target"), (2, "few-targets"), (4, "few-targets"), (5, None)])
def test_how_many_rates_are_enough(make: Make, said: Said, rates: int, rule: str | None) -> None:
    runs = [
        make(f"{value}-{seed}", target=Target(axis="speedup", value=value), run_seed=seed)
        for value in range(2, 2 + rates)
        for seed in range(2)
    ]
    assert [name for name in ("single-target", "few-targets") if said(name, *runs)] == ([rule] if rule else [])


def test_tasks_are_counted_without_toys(make: Make, said: Said) -> None:
    runs = [make("a"), make("b", dataset="MNIST"), make("c", dataset="digits@01"), make("d", network="vgg16")]
    ((ids, text),) = said("few-tasks", *runs)
    assert ids == ()
    assert text.startswith("2 pairs of network and data set besides MNIST and digits: resnet56 on cifar10, vgg16 on")
    assert said("few-tasks", *runs, make("e", dataset="cifar100")) == []
    ((_, text),) = said("few-tasks", runs[1])
    assert text.startswith("0 pairs of network and data set besides MNIST and digits; ")
    assert said("few-tasks", make("d", kind="dense")) == []


def test_a_result_needs_another_methods_at_its_rate(make: Make, said: Said) -> None:
    runs = published(make, a=1.72, b=2.0, c=2.1, d=None)
    assert said("outside-tolerance", *runs) == [
        (
            ("a", "d"),
            f"{WHERE}: no other method's result lies within 5.0%: a at speedup 1.72x, d at an unknown rate",
        )
    ]
    assert [ids for ids, _ in said("outside-tolerance", *runs, tau=0.2)] == [("d",)]
    assert [ids for ids, _ in said("outside-tolerance", *runs, tau=0.01)] == [("a", "b", "c", "d")]


def test_one_method_has_nobody_to_match(make: Make, said: Said) -> None:
    runs = [make(f"a-{speedup}", speedup=speedup, **BARE) for speedup in (2.0, 4.0)]
    assert said("outside-tolerance", *runs) == []
    again = [make("b", method="b", speedup=2.0, **BARE)]
    assert [ids for ids, _ in said("outside-tolerance", *runs, *again)] == [("a-4.0",)]


def test_one_ratio_is_not_one_size(make: Make, said: Said) -> None:
    half: dict[str, Any] = {"target": Target(axis="ratio", value=0.5)}
    cheap, dear = make("a", speedup=1.9, compression=2.0, **half), make("b", method="b", speedup=2.4, **half)
    ((ids, text),) = said("outside-tolerance", cheap, dear)
    assert ids == ("a", "b")
    assert text == f"{WHERE} at ratio 0.5: rates lie more than 5.0% apart: l1_norm 1.9x, b 2.4x"
    same_size = make("b", method="b", speedup=2.4, **half | {"compression": 2.0})
    assert said("outside-tolerance", cheap, same_size) == []
    assert said("outside-tolerance", cheap, dear, tau=0.3) == []
    other = make("b", method="b", speedup=2.4, target=Target(axis="ratio", value=0.7))
    assert said("outside-tolerance", cheap, other) == []


def test_runs_off_a_declared_rate_are_another_finding(make: Make, said: Said) -> None:
    runs = [make("a"), make("b", method="b", speedup=3.0, compression=3.0)]
    assert said("outside-tolerance", *runs) == []
    assert [ids for ids, _ in said("off-target", *runs)] == [("b",)]
