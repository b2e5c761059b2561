from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairprune.audit import Result, from_record
from fairprune.record import Metric, Record
from fairprune.schedules import parse
from fairprune.spec import Target

Make = Callable[..., Result]
Said = Callable[..., list[tuple[tuple[str, ...], str]]]
FAST: dict[str, Any] = {"recipe": "fast", "retrain_schedule": parse("0:1e-2,20:1e-3 total:40")}


def test_results_of_which_nobody_knows_are_not_counted(make: Make, said: Said) -> None:
    runs = [make("a", under_converged=True), make("b", method="b", under_converged=False), make("c", method="c")]
    text = "resnet56 on cifar10: 1 of 2 results still gained at the end of their first learning-rate stage"
    assert said("under-converged", *runs) == [(("a",), f"{text}: l1_norm at speedup 2x (finetune)")]
    assert said("under-converged", *runs[1:]) == []


@pytest.mark.parametrize(("value", "expected"), [(1.0, True), (0.0, False), (None, None)])
def test_a_record_says_whether_it_had_converged(
    record: Callable[..., Record], value: float | None, expected: bool | None
) -> None:
    full = record()
    flags = [] if value is None else [Metric(name="under_converged", split="validation", value=value)]
    result = from_record(full.model_copy(update={"metrics": (*full.metrics, *flags)}))
    assert result.under_converged is expected
    assert not result.rewound
    retraining = full.spec.retraining.model_copy(update={"kind": "weight-rewind"})
    rewound = full.model_copy(update={"spec": full.spec.model_copy(update={"retraining": retraining})})
    assert from_record(rewound).rewound


def test_sensitivity_is_the_mean_difference_over_seeds(make: Make, said: Said) -> None:
    slow = [make(f"s{seed}", run_seed=seed, top1=top1) for seed, top1 in enumerate((90.0, 91.0))]
    fast = [make(f"f{seed}", run_seed=seed, top1=top1, **FAST) for seed, top1 in enumerate((91.0, 93.0))]
    ((ids, text),) = said("rate-sensitive", *slow, *fast)
    assert set(ids) == {"s0", "s1", "f0", "f1"}
    assert text == (
        "resnet56 on cifar10: points gained by the smaller starting rate of retraining: "
        "l1_norm at speedup 2x -1.50 (1e-3 against 1e-2; 2 pairs)"
    )
    ((_, turned),) = said("rate-sensitive", *fast, *slow)
    assert turned == text


def test_the_rates_farthest_apart_count(make: Make, said: Said) -> None:
    faster = {"recipe": "faster", "retrain_schedule": parse("cosine:1e-1->1e-3 total:40 warmup:5")}
    middle = make("m", top1=95.0, **FAST)
    ((ids, text),) = said("rate-sensitive", make("a", top1=92.0), middle, make("z", top1=91.0, **faster))
    assert ids == ("a", "z")
    assert "+1.00 (1e-3 against 9.62e-2)" in text


@pytest.mark.parametrize(
    "changes",
    [
        {"top1": 92.5},
        {"top1": None},
        {"method": "taylor"},
        {"run_seed": 1},
        {"target": Target(axis="speedup", value=4), "speedup": 4.0},
        {"base_checkpoint": "other"},
        {"weight_decay": 5e-4},
        {"momentum": None},
        {"rewound": True},
        {"retrain_schedule": parse("constant:1e-2 total:50")},
        {"retrain_schedule": parse("0:1e-3,20:1e-4 total:40")},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_differs_in_more_than_the_rate_says_nothing(make: Make, changes: dict[str, Any], said: Said) -> None:
    fields = {"top1": 95.0} | FAST | changes
    assert said("rate-sensitive", make("a", top1=92.0), make("b", **fields)) == []
    assert len(said("rate-sensitive", make("a", top1=92.0), make("b", **fields | {"top1": 95.0} | FAST | _same))) == 1


_same: dict[str, Any] = {
    "method": "l1_norm",
    "run_seed": 0,
    "target": Target(axis="speedup", value=2),
    "speedup": 2.0,
    "base_checkpoint": "base-0",
    "weight_decay": 1e-4,
    "momentum": 0.9,
    "rewound": False,
}
