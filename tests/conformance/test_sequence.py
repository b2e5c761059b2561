"""The conformance suite names what criteria that go group after group do wrong."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from fairprune.conformance.criterion import check_criterion
from fairprune.pruning.criterion import Context, Criterion, criterion

COUNTER = [0]


def of_weights(function: object, **declared: object) -> Criterion:
    def mine(context: Context) -> dict[str, Tensor]:
        return {name: function(context, weight) for name, weight in context.weights.items()}  # type: ignore[operator]

    return criterion(**{"needs": ("taps",), "scope": "sequence", "granularities": ("channel",), **declared})(mine)


def energy(context: Context, weight: Tensor) -> Tensor:
    """Mean square of the inputs of each unit."""
    total = torch.zeros(len(weight))
    for tap in context.taps.values():
        total.index_add_(0, tap.units, tap.inputs.square().mean((0, 2)))
    return total


def counts(_context: Context, weight: Tensor) -> Tensor:
    COUNTER[0] += 1
    return weight.flatten(1).norm(dim=1) + COUNTER[0]


def spoils(context: Context, weight: Tensor) -> Tensor:
    next(iter(context.taps.values())).inputs.zero_()
    return weight.flatten(1).norm(dim=1)


def test_a_good_one_passes() -> None:
    results = check_criterion(of_weights(energy))
    assert [result for result in results if not result.passed or result.detail] == []
    assert len(results) == 7
    assert all(result.passed for result in check_criterion(of_weights(lambda _, w: w.abs(), needs=())))


def test_draws_are_not_held_against_a_criterion() -> None:
    rule = of_weights(lambda context, weight: torch.rand(len(weight), generator=context.generator))
    assert [result.detail for result in check_criterion(rule) if result.detail] == ["draws at random: not checked"]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (of_weights(lambda _, w: w[:-1]), "scores of layer '0' have shape [5, 2, 3, 3], expected [6, 2, 3, 3] or [6]"),
        (of_weights(lambda _, w: w.flatten(1).sum(1) / w.flatten(1).norm(dim=1)), "values that are NaN"),
        (of_weights(energy, needs=()), "criterion 'mine' reads taps without declaring it"),
        (of_weights(lambda c, _: c.batch_norm["0"]), "criterion 'mine' reads batch_norm without declaring it"),
        (of_weights(lambda _, w: w.abs_()), "changes weights['0'] of its context in place"),
        (of_weights(spoils), "changes taps['3'].inputs of its context in place"),
        (of_weights(lambda _, w: torch.rand(len(w))), "draws from torch's global generator"),
        (of_weights(counts), "scores change from call to call with one seed"),
        (of_weights(lambda _, w: torch.arange(len(w))), "permuting the output units of layer '0'"),
        (of_weights(energy, granularities=("weight",)), "scope 'sequence' goes over channels"),
        (of_weights(energy, needs=("taps", "gradients")), "no need but 'taps'"),
        (of_weights(energy, repair="least_square"), "did you mean 'least_squares'"),
    ],
)
def test_every_offence_is_named(rule: Criterion, message: str) -> None:
    assert any(message in result.detail for result in check_criterion(rule) if not result.passed)
