from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from fairprune.errors import PruneError
from fairprune.pruning.masks import apply_masks_, held, initialise_sparse_, intersect
from fairprune.pruning.plan import MaskPlan

MASK = torch.tensor([[True, False], [False, True]])
PLAN = MaskPlan({"0.weight": MASK})


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))


def test_applying_zeroes_exactly_what_is_not_kept() -> None:
    net, dense = network(), network()
    with torch.no_grad():
        net[0].weight[0, 1] = torch.inf  # a diverged weight goes as well
    apply_masks_(net, PLAN)
    assert torch.equal(net[0].weight, torch.where(MASK, dense[0].weight, 0.0))
    assert torch.equal(net[2].weight, dense[2].weight)
    assert torch.equal(net[0].bias, dense[0].bias)
    once = net[0].weight.clone()
    apply_masks_(net, PLAN)
    assert torch.equal(net[0].weight, once)


@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
        lambda p: torch.optim.Adam(p, lr=0.1, weight_decay=0.1),
        lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.1),
    ],
)
def test_masks_hold_against_momentum_and_decay(make: object) -> None:
    net = network()
    optimizer = make(net.parameters())  # type: ignore[operator]
    inputs = torch.randn(8, 2, generator=torch.Generator().manual_seed(0))

    def step() -> None:
        optimizer.zero_grad()
        net(inputs).square().sum().backward()
        optimizer.step()

    step()  # momentum of the dense network lies in wait
    apply_masks_(net, PLAN)
    step()
    assert net[0].weight[~MASK].count_nonzero() > 0  # without holding, they come back: the test can fail
    pairs = held(net, PLAN)
    for _ in range(5):
        step()
        torch._foreach_mul_([p.data for p, _ in pairs], [m for _, m in pairs])
        assert net[0].weight[~MASK].count_nonzero() == 0
        assert net[0].weight[MASK].count_nonzero() == 2


def test_factors_have_the_parameters_type() -> None:
    net = network().to(torch.bfloat16)
    ((parameter, factor),) = held(net, PLAN)
    assert parameter is net[0].weight
    assert (factor.dtype, factor.tolist()) == (torch.bfloat16, [[1, 0], [0, 1]])


def test_intersection_keeps_what_both_keep() -> None:
    other = MaskPlan(
        {"0.weight": torch.tensor([[True, True], [True, False]]), "2.weight": torch.tensor([[False, True]])}
    )
    both = intersect(PLAN, other)
    assert both.masks["0.weight"].tolist() == [[True, False], [False, False]]
    assert both.masks["2.weight"].tolist() == [[False, True]]
    assert list(intersect(other, PLAN).masks) == ["0.weight", "2.weight"]
    assert torch.equal(intersect(PLAN, PLAN).masks["0.weight"], MASK)


def test_masks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(PruneError, match=r"unknown parameter of a mask '0.weigth'; did you mean '0.weight'"):
        apply_masks_(network(), MaskPlan({"0.weigth": MASK}))
    with pytest.raises(PruneError, match=r"mask of 2.weight has shape \[2, 2\], expected \[1, 2\]"):
        apply_masks_(network(), MaskPlan({"2.weight": MASK}))


def test_masked_weights_are_drawn_for_their_sparsity():
    layer = nn.Conv2d(64, 256, 3, bias=False)
    mask = torch.rand(layer.weight.shape, generator=torch.Generator().manual_seed(0)) < 0.25
    initialise_sparse_(layer, MaskPlan({"weight": mask}), seed=1)
    kept = layer.weight[mask]
    n = int(mask.sum()) / 64  # kept weights / input channels
    assert kept.std().item() == pytest.approx(math.sqrt(2 / n), rel=0.02)
    assert torch.equal(layer.weight != 0, mask)
    again = nn.Conv2d(64, 256, 3, bias=False)
    initialise_sparse_(again, MaskPlan({"weight": mask}), seed=1)
    assert torch.equal(again.weight, layer.weight)
    initialise_sparse_(again, MaskPlan({"weight": torch.zeros_like(mask)}), seed=2)
    assert torch.equal(again.weight, layer.weight)
