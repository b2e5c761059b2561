from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from fairprune import registry
from fairprune.conformance.criterion import check_criterion, checks_of
from fairprune.pruning.criterion import Context, Criterion, Scores, criterion


def failures(rule: Criterion) -> list[str]:
    return [f"{result.name}: {result.detail}" for result in check_criterion(rule) if not result.passed]


SLOW = ("obd_hutchinson", "regression")
NAMES = [
    pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in sorted(registry.BUILTIN["criterion"])
]


@pytest.mark.parametrize("name", NAMES)
def test_built_in_criteria_conform(name: str) -> None:
    rule = registry.load("criterion", name)
    results = check_criterion(rule)
    assert len(results) == len(checks_of(rule)) * len(rule.granularities)
    assert failures(rule) == []


def test_what_was_not_checked_is_said() -> None:
    details = [r.detail for r in check_criterion(registry.load("criterion", "random")) if r.detail]
    assert details == ["draws at random: not checked"] * 3  # weights, channels, blocks

    @criterion(scope="network")
    def whole(context: Context) -> Scores:
        return {name: w.abs() for name, w in context.weights.items()}

    assert [r.detail for r in check_criterion(whole) if r.detail] == ["scope is the network: not checked"] * 2


def by_layer(function: object) -> Criterion:
    def mine(context: Context) -> Scores:
        return {name: function(context, name, w) for name, w in context.weights.items()}  # type: ignore[operator]

    return criterion(granularities=("weight",))(mine)


CALLS: list[str] = []


def remembers(_: Context, name: str, w: torch.Tensor) -> torch.Tensor:
    CALLS.append(name)
    return w.abs() + len(CALLS)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda _c, _n, w: w.flatten(), "scores of layer '0' have shape [108], expected [6, 2, 3, 3]"),
        (lambda _c, _n, w: w / w.flatten(1).norm(dim=1).reshape(-1, *[1] * (w.dim() - 1)), "36 values that are NaN"),
        (lambda c, n, w: w * c.gradients[n], "criterion 'mine' reads gradients without declaring it"),
        (lambda _c, _n, w: w.abs_(), "changes weights['0'] of its context in place"),
        (lambda _c, _n, w: torch.rand_like(w), "draws from torch's global generator"),
        (remembers, "scores change from call to call with one seed"),
        (lambda _c, _n, w: w.abs().cumsum(0), "permuting the output units of layer '0' does not permute its scores"),
        (lambda _c, _n, _w: math.sqrt(-1), "ValueError: "),
    ],
)
def test_every_offence_is_named(function: object, message: str) -> None:
    assert any(message in failure for failure in failures(by_layer(function)))


def test_state_between_layers_is_found() -> None:
    seen: dict[str, float] = {}

    def leaks(_: Context, name: str, w: torch.Tensor) -> torch.Tensor:
        if name == "0":
            seen.clear()
        seen[name] = 1.0
        return w.abs() + len(seen)

    assert any("depend on other layers" in failure for failure in failures(by_layer(leaks)))


class Curious:
    """Criteria that use streams in ways that depend on the order of units."""

    @staticmethod
    def gradients(context: Context) -> Scores:
        (gradients,) = context.gradient_stream(1000)
        return {name: gradient.cumsum(0) for name, gradient in gradients.items()}

    @staticmethod
    def gates(context: Context) -> Scores:
        (gradients,) = context.gate_stream(1000)
        return {name: gradient.cumsum(0) for name, gradient in gradients.items()}

    @staticmethod
    def hessian(context: Context) -> Scores:
        first = {name: torch.zeros_like(w).index_fill_(0, torch.tensor(0), 1) for name, w in context.weights.items()}
        return context.hessian(first)

    @staticmethod
    def flow(context: Context) -> Scores:
        return {name: flow.cumsum(0) for name, flow in context.flow.items()}

    @staticmethod
    def outputs(context: Context) -> Scores:
        (first, _) = context.outputs()
        return {name: out.movedim(1, 0).flatten(1).mean(1).cumsum(0) for name, out in first.items()}


@pytest.mark.parametrize("need", ["gradients", "gates", "hessian", "flow", "outputs"])
def test_streams_are_permuted_as_well(need: str) -> None:
    function, name = getattr(Curious, need), {"gradients": "gradient_stream", "gates": "gate_stream"}.get(need, need)
    rule = criterion(needs=(name,), scope="network", granularities=("channel",))(function)  # type: ignore[arg-type]
    assert failures(rule) == [
        "channel: permuted units, permuted scores: permuting the output units of layer '0' does not permute its scores"
    ]


def test_flow_belongs_to_the_framework_until_it_is_copied() -> None:
    @criterion(needs=("flow",), scope="network", granularities=("weight",))
    def vandal(context: Context) -> Scores:
        return {name: flow.square_() for name, flow in context.flow.items()}

    assert any("changes flow['0'] of its context in place" in failure for failure in failures(vandal))


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"steps": 0}, "steps=0: it has to score at least once"),
        ({"start": "scratch"}, "start='scratch': expected trained or init"),
        ({"allocation": "globl"}, "unknown allocation 'globl'; did you mean 'global'"),
        ({"repair": "none"}, "unknown repair 'none'"),
    ],
)
def test_what_is_declared_exists(declared: dict[str, Any], message: str) -> None:
    @criterion(**declared)
    def mine(context: Context) -> Scores:
        return {name: w.abs() for name, w in context.weights.items()}

    assert [failure for failure in failures(mine) if message not in failure] == []
    assert len(failures(mine)) == 2


def test_masked_weights_are_tried() -> None:
    @criterion(granularities=("weight",))
    def logarithm(context: Context) -> Scores:
        return {name: w.abs().log() for name, w in context.weights.items()}

    assert any(failure.startswith("weight: the same where weights are masked") for failure in failures(logarithm))
