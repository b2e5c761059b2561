"""Criteria that need weights alone: LAMP, the geometric median, the largest filters."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given as for_all
from hypothesis import strategies as st
from torch import Tensor

from fairprune.pruning.allocation import global_, select
from fairprune.pruning.criteria.batch_norm import bn_scale
from fairprune.pruning.criteria.geometric_median import fpgm
from fairprune.pruning.criteria.lamp import descending, lamp
from fairprune.pruning.criteria.magnitude import magnitude
from fairprune.pruning.criteria.norms import l1_largest, l1_norm, l2_norm
from fairprune.pruning.criterion import Context, Criterion


def scores(criterion: Criterion, *weights: Tensor) -> list[Tensor]:
    named = {str(i): weight for i, weight in enumerate(weights)}
    return list(criterion(Context(named, torch.Generator())).scores.values())


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_lamp_by_hand() -> None:
    [found] = scores(lamp, torch.tensor([[1.0, -3.0], [2.0, 0.0]]))  # squares 9, 4, 1, 0; sums 9, 13, 14, 14
    assert found.flatten().tolist() == pytest.approx([1 / 14, 1.0, 4 / 13, 0.0], rel=1e-6)


def test_lamp_counts_the_lower_index_of_equal_weights_as_the_larger() -> None:
    [found] = scores(lamp, torch.tensor([1.0, 2.0, -1.0, -2.0, 1.0]))  # squares 4 4 1 1 1, sums 4 8 9 10 11
    assert found.tolist() == pytest.approx([1 / 9, 1.0, 1 / 10, 4 / 8, 1 / 11], rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_lamp_is_its_definition_for_every_type(dtype: torch.dtype) -> None:
    weight = normal(12, 5).mul(4).round().to(dtype)  # many ties, some zeros
    squares = [float(w) ** 2 for w in weight.flatten()]
    places = range(len(squares))
    not_smaller = [
        sum(squares[j] for j in places if squares[j] > squares[i] or (squares[j] == squares[i] and j <= i))
        for i in places
    ]
    [found] = scores(lamp, weight)
    assert found.flatten().tolist() == pytest.approx([s / total for s, total in zip(squares, not_smaller, strict=True)])


@for_all(st.lists(st.integers(-3, 3), min_size=1, max_size=20), st.floats(0, 1))
def test_lamp_on_one_layer_is_magnitude(values: list[int], keep: float) -> None:
    ranked = [{"fc": scores(rule, torch.tensor(values).float())[0]} for rule in (lamp, magnitude)]
    first, second = (select(found, global_(found, keep, 0))["fc"] for found in ranked)
    assert first.tolist() == second.tolist()


def test_lamp_on_one_large_layer_is_magnitude() -> None:
    """Scores of the smallest weights are 1e-13 of the largest; ties by the thousand."""
    weight = normal(300, 500).mul(1000).round()
    [found] = scores(lamp, weight)
    assert torch.equal(found.flatten().argsort(descending=True, stable=True), descending(weight.abs().flatten()))


@pytest.mark.parametrize("factor", [2.0**-20, 4.0, 1e-6, 1e4])
def test_lamp_ignores_the_scale_of_a_layer_and_its_sign(factor: float) -> None:
    one, two = normal(6, 4, 3, 3), normal(5, 7, seed=1)
    plain, scaled = scores(lamp, one, two), scores(lamp, -factor * one, two)
    assert torch.allclose(plain[0], scaled[0], rtol=1e-5, atol=0)
    assert torch.equal(plain[1], scaled[1])
    assert [float(found.max()) for found in plain] == [1.0, 1.0]


def test_lamp_follows_a_permutation_of_the_weights() -> None:
    weight, order = normal(60), torch.randperm(60, generator=torch.Generator().manual_seed(1))
    assert torch.equal(scores(lamp, weight[order])[0], scores(lamp, weight)[0][order])


def test_lamp_is_finite_where_nothing_or_everything_is_large() -> None:
    found = scores(lamp, torch.zeros(3, 2), torch.tensor([3e38, -3e38, 1e-45, 0.0]), torch.tensor([1e-45]))
    assert [s.flatten().tolist() for s in found] == [[0.0] * 6, [1.0, 0.5, pytest.approx(0), 0.0], [1.0]]


def test_positions_are_those_of_a_stable_sort() -> None:
    values = normal(4001).mul(8).round().abs()
    values[:3] = torch.tensor([0.0, torch.inf, 1e-45])
    assert torch.equal(descending(values), values.argsort(descending=True, stable=True))
    assert descending(values[:1]).tolist() == [0]


def test_geometric_median_by_hand() -> None:
    [found] = scores(fpgm, torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]))
    assert found.tolist() == pytest.approx([15, 10, 15])


@pytest.mark.parametrize(("shift", "dtype"), [(0, torch.float32), (1000, torch.float32), (1e5, torch.float64)])
def test_geometric_median_sums_the_distances_of_all_pairs(shift: float, dtype: torch.dtype) -> None:
    weight = normal(40, 3, 3, 3, dtype=dtype) + shift
    flat = weight.double().flatten(1)
    expected = (flat[:, None] - flat).square().sum(2).sqrt().sum(1)
    assert torch.allclose(scores(fpgm, weight)[0], expected, rtol=1e-9)


def test_geometric_median_ignores_signs_and_the_order_of_inputs_and_scales_with_the_weight() -> None:
    weight = normal(8, 4, 3, 3)
    [plain] = scores(fpgm, weight)
    for other, factor in ((-weight, 1), (weight.flip(1, 2), 1), (3 * weight, 3)):
        assert torch.allclose(scores(fpgm, other)[0], factor * plain)
    assert torch.allclose(scores(fpgm, weight.flip(0))[0], plain.flip(0))


def test_geometric_median_of_filters_that_are_alike_or_alone() -> None:
    found = scores(fpgm, torch.zeros(3, 2), torch.ones(3, 2, 2), torch.tensor([[5.0]]), torch.tensor([[1.0]] * 3))
    assert [s.tolist() for s in found] == [[0.0] * 3, [0.0] * 3, [0.0], [0.0] * 3]
    repeated = normal(1, 500).repeat(3, 1)
    assert float(scores(fpgm, repeated)[0].max()) < 1e-6


def test_the_largest_filters_are_the_smallest_turned_round() -> None:
    weight = torch.tensor([[3.0, -4.0], [0.0, -1.0]])
    assert scores(l1_largest, weight)[0].tolist() == [-7, -1]
    filters = normal(9, 4, 3, 3)
    small, large = (scores(rule, filters)[0].argsort().tolist() for rule in (l1_norm, l1_largest))
    assert small == large[::-1]


def test_scales_of_batch_norm_ignore_signs_and_weights() -> None:
    scale = torch.tensor([0.5, -2.0, 0.0])
    for weight, factor in ((torch.ones(3, 2), 1.0), (torch.zeros(3, 2), -4.0)):
        context = Context({"fc": weight}, torch.Generator(), "channel", batch_norm={"fc": factor * scale})
        assert bn_scale(context).scores["fc"].tolist() == (abs(factor) * scale.abs()).tolist()


def test_norms_of_convolutions_take_the_whole_filter() -> None:
    weight = torch.arange(-4.0, 4.0).reshape(2, 1, 2, 2)
    assert scores(l1_norm, weight)[0].tolist() == [10, 6]
    assert scores(l2_norm, weight)[0].tolist() == pytest.approx([30**0.5, 14**0.5])
