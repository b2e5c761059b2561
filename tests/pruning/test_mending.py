"""Mending: what remains of layers, what a repair sees, and what it may answer."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairprune.errors import PruneError, SpecError
from fairprune.pruning.apply import load_weights_, pruned
from fairprune.pruning.criterion import Context, Need
from fairprune.pruning.granularity.channels import channel_space
from fairprune.pruning.mending import Mended, check_applies, mend, remaining_of
from fairprune.pruning.plan import BlockPlan, ChannelPlan, DensePlan, MaskPlan, Plan
from fairprune.pruning.repair import Remaining, Repair, repair
from fairprune.pruning.repairs.obs import obs
from fairprune.pruning.repairs.orthogonal import orthogonal

EXAMPLE = torch.zeros(1, 3, 6, 6)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU()),
        *(nn.Conv2d(6, 12, 3, padding=1, groups=6), nn.ReLU()),  # depthwise, two filters per channel
        *(nn.ConvTranspose2d(12, 5, 2), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(20, 7), nn.ReLU(), nn.Linear(7, 4)),
    )


def batches() -> Iterator[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    for size in (4, 3):
        yield torch.randn(size, 3, 6, 6, generator=generator), torch.randint(4, (size,), generator=generator)


def mended(net: nn.Module, plan: Plan, rule: Repair, options: Mapping[str, Any] | None = None, seed: int = 0) -> Mended:
    return mend(
        net,
        plan,
        rule,
        options or {},
        batches=batches,
        loss=F.cross_entropy,
        example=EXAMPLE,
        seed=seed,
        batch_norm_of={"0": "1"},
    )


def channels(net: nn.Module) -> ChannelPlan:
    space = channel_space(net, EXAMPLE)
    plan = space.plan({group.name: torch.arange(1, group.size, 2) for group in space.groups})
    assert {"0/out", "3/out", "5/in", "5/out", "9/in", "9/out", "11/in"} <= plan.kept.keys()
    return plan


def masks(net: nn.Module, *layers: str) -> MaskPlan:
    weights = {name: net.get_submodule(name).get_parameter("weight") for name in layers}
    return MaskPlan({f"{name}.weight": w.detach().abs() > w.detach().abs().median() for name, w in weights.items()})


def test_what_remains_is_what_physical_removal_keeps() -> None:
    net = network()
    plan = channels(net)
    left = remaining_of(net, plan)
    assert list(left) == ["0", "3", "5", "9", "11"]
    small = pruned(net, plan)
    for name, mask in left.items():
        weight = net.get_submodule(name).get_parameter("weight")
        assert mask.shape == weight.shape
        assert torch.equal(weight[mask], small.get_submodule(name).get_parameter("weight").flatten())


def test_what_remains_by_hand() -> None:
    net = nn.ModuleDict({"a": nn.Linear(3, 2), "b": nn.Linear(2, 2), "t": nn.ConvTranspose1d(2, 3, 1)})
    plan = ChannelPlan(
        {
            "a/in": torch.tensor([0, 2]),
            "a/out": torch.tensor([1]),
            "t/out": torch.tensor([1, 2]),
            "b/in": torch.arange(2),
        }
    )
    left = remaining_of(net, plan)
    assert left.keys() == {"a", "t"}  # b is named, and loses nothing
    assert left["a"].tolist() == [[False, False, False], [True, False, True]]
    assert left["t"].flatten(1).tolist() == [[False, True, True]] * 2


def test_what_masks_leave() -> None:
    net = network()
    plan = masks(net, "9", "0")
    plan = MaskPlan({**plan.masks, "11.weight": torch.ones(4, 7).bool()})
    left = remaining_of(net, plan)
    assert list(left) == ["0", "9"]  # in the network's order; 11 loses nothing
    assert torch.equal(left["9"], plan.masks["9.weight"])
    assert remaining_of(net, DensePlan()) == {}


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (MaskPlan({"99.weight": torch.ones(1).bool()}), "unknown parameter of a mask '99.weight'"),
        (MaskPlan({"9.weight": torch.ones(2, 2).bool()}), r"mask of 9.weight has shape \[2, 2\], expected \[7, 20\]"),
        (ChannelPlan({"conv/out": torch.arange(1)}), "unknown module of a channel plan 'conv'"),
        (ChannelPlan({"9/out": torch.tensor([9])}), "channel plan does not fit layer '9'"),
    ],
)
def test_plans_that_do_not_fit(plan: Plan, message: str) -> None:
    with pytest.raises(PruneError, match=message):
        remaining_of(network(), plan)


def test_orthogonal_networks() -> None:
    net = network()
    before = copy.deepcopy(net.state_dict())
    plan = channels(net)
    found = mended(net, plan, orthogonal)
    assert (found.samples, found.sample_passes) == (0, 0)  # no sample was read
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    load_weights_(net, found.weights)
    small = pruned(net, plan)
    first, depthwise, last = (small.get_submodule(n).get_parameter("weight").flatten(1) for n in ("0", "3", "11"))
    torch.testing.assert_close(first @ first.T, 2 * torch.eye(3))
    torch.testing.assert_close(depthwise @ depthwise.T, 2 * torch.eye(6))
    torch.testing.assert_close(last.T @ last, 2 * torch.eye(3))


def test_obs_on_a_regression_is_least_squares_and_is_metered() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 1, bias=False))
    w = net[0].weight.detach().clone()
    x = torch.randn(64, 8) @ torch.randn(8, 8)
    y = x @ w.T + torch.randn(64, 1).sign()  # all residuals of one size: the Fisher is 4 times the mean of x x^T

    def data() -> Iterator[tuple[Tensor, Tensor]]:
        yield x[:40], y[:40]
        yield x[40:], y[40:]

    plan = masks(net, "0")
    found = mend(net, plan, obs, {}, batches=data, loss=F.mse_loss, example=x[:1], seed=0, batch_norm_of={})
    assert (found.samples, found.sample_passes) == (64, 3 * 64)
    kept = plan.masks["0.weight"][0]
    expected = torch.linalg.lstsq(x[:, kept], x @ w.T).solution
    torch.testing.assert_close(found.weights["0"][0, kept], expected[:, 0], rtol=1e-3, atol=1e-4)
    assert found.weights["0"][0, ~kept].tolist() == [0] * 4


def answers(function: Any, *needs: Need) -> Repair:
    def mine(context: Context, remaining: Remaining, *, power: int = 1) -> Mapping[str, Tensor]:
        return function(context, remaining) if power == 1 else {}

    return repair(needs=needs, paper="none")(mine)


def test_a_repair_sees_copies_of_the_layers_that_lose_something_and_its_own_generator() -> None:
    net, seen = network(), []

    def look(context: Context, remaining: Remaining) -> Mapping[str, Tensor]:
        seen.append((context, remaining, float(torch.rand((), generator=context.generator))))
        for weight in context.weights.values():
            weight.zero_()
        return {}

    plan = masks(net, "0", "9")
    assert mended(net, plan, answers(look)).weights == {}
    mended(net, plan, answers(look))
    mended(net, plan, answers(look), seed=1)
    mended(net, channels(net), answers(look))
    [first, again, other, third] = seen
    assert first[0].granularity == "weight"
    assert third[0].granularity == "channel"
    assert first[0].weights.keys() == first[1].keys() == {"0", "9"}
    assert first[2] == again[2] != other[2]
    assert bool(net[0].weight.any())
    with pytest.raises(PruneError, match="repair 'mine' reads gradients without declaring it"):
        first[0].gradients["0"]


def test_needs_are_computed_on_the_network_before_pruning() -> None:
    net = network()
    before = copy.deepcopy(net.state_dict())

    def keep(context: Context, remaining: Remaining) -> Mapping[str, Tensor]:
        return {name: context.gradients[name] for name in remaining}

    found = mended(net, masks(net, "0", "9"), answers(keep, "gradients"))
    assert (found.samples, found.sample_passes) == (7, 21)
    assert net.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    net.eval()
    inputs, targets = (torch.cat(part) for part in zip(*batches(), strict=True))
    [expected] = torch.autograd.grad(F.cross_entropy(net(inputs), targets), [net[9].weight])
    torch.testing.assert_close(found.weights["9"], expected)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda _c, _r: torch.ones(1), "repair 'mine' returned Tensor, expected layer name -> weights"),
        (lambda _c, _r: {"8": torch.ones(1)}, "returned weights for unknown layer '8'"),
        (lambda _c, _r: {"9": torch.ones(7)}, r"weights of layer '9' have shape \[7\], expected \[7, 20\]"),
        (lambda _c, _r: {"9": torch.full((7, 20), torch.nan)}, "have 140 values that are NaN or infinite"),
        (lambda _c, _r: {"9": 3}, "weights of layer '9' are int, expected a tensor"),
    ],
)
def test_answers_that_do_not_fit(function: Any, message: str) -> None:
    net = network()
    with pytest.raises(PruneError, match=message):
        mended(net, masks(net, "9"), answers(function))


def test_repairs_that_do_not_apply() -> None:
    net = network()
    with pytest.raises(PruneError, match="repair 'orthogonal' mends layers that lose channel units, not weight units"):
        mended(net, masks(net, "9"), orthogonal)
    with pytest.raises(PruneError, match="repair 'obs' mends layers that lose weight units, not channel units"):
        mended(net, channels(net), obs)
    with pytest.raises(PruneError, match="not block units"):
        mended(net, BlockPlan({}), obs)
    with pytest.raises(SpecError, match="unknown option of repair 'obs' 'blocks'; did you mean 'block'"):
        check_applies(obs, {"blocks": 3}, "weight")
    with pytest.raises(PruneError, match="repair 'mine' needs taps"):
        mended(net, channels(net), answers(lambda _c, _r: {}, "taps"))
    assert mended(net, DensePlan(), orthogonal) == Mended()
