"""OrthP: orthogonal matrices of what remains of layers."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from fairprune.errors import PruneError, SpecError
from fairprune.pruning.criterion import Context
from fairprune.pruning.repairs.orthogonal import orthogonal


def mend(weight: Tensor, remaining: Tensor | None = None, **options: float) -> Tensor:
    everything = torch.ones_like(weight, dtype=torch.bool) if remaining is None else remaining
    return orthogonal(Context({"fc": weight}, torch.Generator()), {"fc": everything}, **options)["fc"]


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_by_hand() -> None:
    # Gram and Schmidt: (3, 4) has norm 5; of (1, 0) 0.6 lies along it, and (0.64, -0.48) is left, of norm 0.8
    found = mend(torch.tensor([[3.0, 4.0], [1.0, 0.0]]).T, gain=2)
    torch.testing.assert_close(found, 2 * torch.tensor([[0.6, 0.8], [0.8, -0.6]]).T)
    wide = mend(torch.tensor([[3.0, 4.0, 0.0], [1.0, 0.0, 0.0]]), gain=1)
    torch.testing.assert_close(wide, torch.tensor([[0.6, 0.8, 0.0], [0.8, -0.6, 0.0]]))


@pytest.mark.parametrize(("shape", "axis"), [((4, 2, 3, 3), 0), ((20, 2, 3, 3), 1), ((18, 2, 3, 3), 0), ((3, 7), 0)])
def test_rows_or_columns_are_orthogonal_with_norm_gain(shape: tuple[int, ...], axis: int) -> None:
    found = mend(draw(*shape)).flatten(1)
    gram = found @ found.T if axis == 0 else found.T @ found
    torch.testing.assert_close(gram, 2 * torch.eye(len(gram), dtype=gram.dtype))


@pytest.mark.parametrize("shape", [(3, 8), (8, 3), (5, 5)])
def test_again_changes_nothing_and_signs_of_units_come_through(shape: tuple[int, int]) -> None:
    weight = draw(*shape)
    found = mend(weight)
    torch.testing.assert_close(mend(found), found)
    torch.testing.assert_close(mend(weight * 7), found)
    units = torch.tensor([-1.0, 1, 1] + [-1] * (max(shape) - 3), dtype=weight.dtype)[: min(shape)]
    signs = units[:, None] if shape[0] < shape[1] else units
    torch.testing.assert_close(mend(weight * signs), found * signs)


def test_it_is_what_torch_draws_orthogonal_weights_with() -> None:
    weight = torch.empty(6, 4)
    nn.init.orthogonal_(weight, gain=math.sqrt(2), generator=torch.Generator().manual_seed(3))
    drawn = torch.randn(6, 4, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(mend(drawn), weight)


def test_only_the_remaining_rows_and_columns_count() -> None:
    weight, rows, columns = draw(5, 4, 3, 3), torch.tensor([0, 2, 3]), torch.tensor([1, 3])
    remaining = torch.zeros(5, 4, 3, 3, dtype=torch.bool)
    remaining[rows[:, None], columns] = True
    found = mend(weight, remaining)
    torch.testing.assert_close(found[rows][:, columns], mend(weight[rows][:, columns]))
    assert found[~remaining].count_nonzero() == 0


def test_dead_filters_get_a_direction() -> None:
    weight = draw(4, 9)
    weight[1:3] = 0
    found = mend(weight)
    torch.testing.assert_close(found @ found.T, 2 * torch.eye(4, dtype=found.dtype))
    zeros = mend(torch.zeros(2, 3))
    torch.testing.assert_close(zeros @ zeros.T, 2 * torch.eye(2))


def test_one_unit() -> None:
    torch.testing.assert_close(mend(torch.tensor([[-3.0, 4.0]]), gain=1), torch.tensor([[-0.6, 0.8]]))
    assert mend(torch.tensor([[-3.0]]), gain=1).tolist() == [[-1]]


def test_single_weights_are_refused() -> None:
    with pytest.raises(PruneError, match="layer 'fc' loses single weights"):
        mend(draw(2, 2), torch.eye(2).bool())


@pytest.mark.parametrize("gain", [0, -1, math.nan, math.inf])
def test_a_gain_that_means_nothing(gain: float) -> None:
    with pytest.raises(SpecError, match="option 'gain' of orthogonal"):
        mend(draw(2, 2), gain=gain)
