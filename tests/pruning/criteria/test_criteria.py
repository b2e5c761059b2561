"""Every built-in criterion, scored by hand on a few numbers, and its invariances."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from fairprune import registry
from fairprune.pruning.criteria.activation import activation_weight
from fairprune.pruning.criteria.batch_norm import bn_scale
from fairprune.pruning.criteria.gradient import gradient_weight
from fairprune.pruning.criteria.magnitude import magnitude
from fairprune.pruning.criteria.norms import l1_norm, l2_norm
from fairprune.pruning.criteria.random import random
from fairprune.pruning.criterion import Context, Criterion, Granularity

WEIGHT = torch.tensor([[3.0, -4.0], [0.0, -1.0]])


def scores(criterion: Criterion, weight: Tensor = WEIGHT, granularity: Granularity = "weight", **needs: Any) -> Tensor:
    given = {need: value if callable(value) else {"fc": value} for need, value in needs.items()}
    context = Context({"fc": weight}, torch.Generator().manual_seed(3), granularity, **given)
    return criterion(context).scores["fc"]


def test_magnitude_by_hand() -> None:
    assert scores(magnitude).tolist() == [[3, 4], [0, 1]]


def test_gradient_weight_by_hand() -> None:
    gradient = torch.tensor([[1.0, -0.5], [9.0, 2.0]])
    assert scores(gradient_weight, gradients=gradient).tolist() == [[3, 2], [0, 2]]


def test_activation_weight_by_hand() -> None:
    assert scores(activation_weight, activations=torch.tensor([2.0, 0.5])).tolist() == [[6, 2], [0, 0.5]]


def test_activation_weight_of_a_grouped_convolution_uses_the_inputs_of_each_filter() -> None:
    weight = torch.ones(4, 1, 1, 2)  # two groups of two filters, one input channel each
    found = scores(activation_weight, weight, activations=torch.tensor([2.0, 5.0]))
    assert found[:, 0, 0].tolist() == [[2, 2], [2, 2], [5, 5], [5, 5]]


def test_norms_by_hand() -> None:
    assert scores(l1_norm).tolist() == [7, 1]
    assert scores(l2_norm).tolist() == [5, 1]


def test_bn_scale_by_hand() -> None:
    assert scores(bn_scale, batch_norm=torch.tensor([-0.5, 0.0])).tolist() == [0.5, 0]


def test_random_draws_one_number_per_unit_from_its_generator() -> None:
    assert scores(random).shape == (2, 2)
    assert scores(random, granularity="channel").shape == (2,)
    assert torch.equal(scores(random), torch.rand(2, 2, generator=torch.Generator().manual_seed(3)))
    assert torch.equal(scores(random), scores(random, weight=WEIGHT * 7))


@pytest.mark.parametrize("criterion", [magnitude, l1_norm, l2_norm])
def test_norms_ignore_signs_and_scale_with_the_weight(criterion: Criterion) -> None:
    assert torch.equal(scores(criterion, -WEIGHT), scores(criterion))
    assert torch.equal(scores(criterion, 2 * WEIGHT), 2 * scores(criterion))


@pytest.mark.parametrize("criterion", [l1_norm, l2_norm])
def test_norms_of_filters_ignore_the_order_of_inputs(criterion: Criterion) -> None:
    assert torch.equal(scores(criterion, WEIGHT.flip(1)), scores(criterion))


def test_gradient_weight_ignores_rescaling_that_leaves_the_function_alone() -> None:
    gradient = torch.tensor([[1.0, -0.5], [9.0, 2.0]])
    assert torch.equal(
        scores(gradient_weight, WEIGHT * 4, gradients=gradient / 4), scores(gradient_weight, gradients=gradient)
    )


def test_activation_weight_ignores_rescaling_of_an_input() -> None:
    inputs, factor = torch.tensor([2.0, 0.5]), torch.tensor([4.0, 0.5])
    assert torch.equal(
        scores(activation_weight, WEIGHT / factor, activations=inputs * factor),
        scores(activation_weight, activations=inputs),
    )


@pytest.mark.parametrize("name", sorted(registry.BUILTIN["criterion"]))
def test_dead_units_score_finite(name: str) -> None:
    criterion = registry.load("criterion", name)
    zero = torch.zeros(3, 2)
    needs: dict[str, Any] = {
        **{"gradients": zero, "activations": torch.zeros(2), "batch_norm": torch.zeros(3), "flow": zero},
        "gradient_stream": lambda *_: iter([{"fc": zero}]),
        "gate_stream": lambda *_: iter([{"fc": zero}]),
        "hessian": lambda *_: {"fc": zero},
        "outputs": lambda: iter([{"fc": torch.zeros(4, 3)}]),
    }
    if set(criterion.needs) - needs.keys():
        return  # needs that are not tensors: the conformance suite scores dead units with all of them
    for granularity in criterion.granularities:
        found = scores(criterion, zero, granularity, **{need: needs[need] for need in criterion.needs})
        assert torch.isfinite(found).all()


@pytest.mark.parametrize("name", sorted(registry.BUILTIN["criterion"]))
def test_registered_criteria_name_their_source(name: str) -> None:
    criterion = registry.load("criterion", name)
    assert criterion.name == name
    assert criterion.paper


def test_bn_scale_is_for_channels_and_needs_batch_norm() -> None:
    assert (bn_scale.granularities, bn_scale.needs) == (("channel",), ("batch_norm",))
