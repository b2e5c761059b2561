"""Group norm: norms and gradients by hand and against torch-pruning."""

import pytest
import torch
import torch_pruning as tp
from torch import nn

from fairprune.errors import PruneError
from fairprune.networks.channel_pad import ChannelPad
from fairprune.networks.resnet_cifar import ResNet
from fairprune.pruning.granularity.channels import channel_space
from fairprune.pruning.granularity.remove import remove_channels
from fairprune.pruning.training.dependents import dependents_of
from fairprune.pruning.training.group_norm import group_norm

IMAGE = torch.rand(2, 2, 8, 8)


class Joined(nn.Module):
    """Two branches that are concatenated, read by a convolution and, flattened, by a linear layer."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.bn = nn.Conv2d(2, 5, 3), nn.Conv2d(2, 4, 3), nn.BatchNorm2d(9)
        self.last, self.fc = nn.Conv2d(9, 6, 4), nn.Linear(6 * 9, 4)

    def forward(self, x):
        return self.fc(self.last(self.bn(torch.cat([self.one(x), self.two(x)], 1)).relu()).flatten(1))


def plain():
    return nn.Sequential(
        *(nn.Conv2d(2, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.Conv2d(8, 12, 3), nn.ReLU(), nn.Flatten(), nn.Linear(192, 7), nn.ReLU(), nn.Linear(7, 4)),
    )


NETWORKS = [
    pytest.param(plain, id="plain"),
    pytest.param(lambda: ResNet(4, 2, 1, "B", None), id="residual"),
    pytest.param(Joined, id="concatenation"),
]


def drawn(make):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = make()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight)
    return network


def oracle_of(network, **how):
    """torch-pruning's pruner, with norms as the paper has them: summed over all that depends on a channel."""
    last = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
    importance = tp.importance.GroupMagnitudeImportance(p=2, group_reduction="sum", normalizer=None)
    return tp.GroupNormPruner(network, IMAGE, importance, ignored_layers=[last], **how)


@pytest.mark.parametrize("make", NETWORKS[:2])
def test_norms_are_those_of_torch_pruning(make):
    network = drawn(make)
    space = channel_space(network, IMAGE)
    norms, names, found = dependents_of(network, space).norms(), dict(map(reversed, network.named_modules())), 0
    oracle = oracle_of(network)
    for group in oracle._groups:
        numbers = torch.from_numpy(space.units.sides[f"{names[group[0].dep.target.module]}/out"])
        assert torch.allclose(norms[numbers], oracle.estimate_importance(group).sqrt(), rtol=1e-5)
        found += len(numbers)
    assert found == len(norms)


@pytest.mark.parametrize("make", NETWORKS)
def test_gradients_are_those_of_torch_pruning(begin, added, make):
    trained = begin(group_norm, network=drawn(make), reg=0.1, alpha=3.0)
    ours = added(trained)
    for parameter in trained.network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    oracle_of(trained.network, reg=0.1).regularize(trained.network, alpha=2**3)
    for name, parameter in trained.network.named_parameters():
        assert torch.allclose(ours[name], parameter.grad, rtol=1e-4, atol=1e-6), name


class Mixed(nn.Module):
    """Depthwise (one with a multiplier, one transposed) and transposed convolutions, option A."""

    def __init__(self):
        super().__init__()
        self.first, self.bn = nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.depth, self.wide = nn.Conv2d(6, 6, 3, padding=1, groups=6), nn.Conv2d(6, 12, 1, groups=6)
        self.up, self.smooth = nn.ConvTranspose2d(12, 5, 2, stride=2), nn.ConvTranspose2d(5, 5, 1, groups=5)
        self.inner, self.outer, self.pad = nn.Conv2d(5, 3, 3, stride=2), nn.Conv2d(3, 7, 2, padding=1), ChannelPad(5, 7)
        self.fc = nn.Linear(7, 4)

    def forward(self, x):
        x = self.smooth(self.up(self.wide(self.depth(self.bn(self.first(x))))))
        return self.fc((self.pad(x) + self.outer(self.inner(x))).mean((2, 3)))


def squares(network):
    """Of weights that belong to units: those of layers, and scales."""
    weights = [module.weight.detach() for module in network.modules() if hasattr(module, "weight")]
    return sum(float(weight.double().square().sum()) for weight in weights)


@pytest.mark.parametrize("make", [*NETWORKS, pytest.param(Mixed, id="mixed")])
def test_the_norm_of_a_unit_is_what_its_removal_takes_away(make):
    network = drawn(make)
    space = channel_space(network, IMAGE)
    norms, whole = dependents_of(network, space).norms(), squares(network)
    for group, start in zip(space.groups, space.units.starts, strict=False):
        for unit in (0, group.size - 1):
            kept = torch.tensor([other for other in range(group.size) if other != unit])
            lost = whole - squares(remove_channels(network, space.plan({group.name: kept})))
            assert float(norms[start + unit]) ** 2 == pytest.approx(lost, rel=1e-4)


def two_layers():
    """Three hidden units; what depends on them has the norms 5, 13 and 5 sqrt(2)."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(128, 3), nn.ReLU(), nn.Linear(3, 4))
    with torch.no_grad():
        network[1].weight.zero_()
        network[1].weight[:, 0] = torch.tensor([3.0, 5.0, 5.0])
        network[3].weight.zero_()
        network[3].weight[2] = torch.tensor([-4.0, 12.0, 5.0])
    return network


def test_norms_and_gradients_by_hand(begin, added):
    trained = begin(group_norm, network=two_layers(), reg=0.5, alpha=4.0)
    norms = torch.tensor([5, 13, 50**0.5])
    gamma = 2 ** (4 * (13 - norms) / 8)
    assert gamma[:2].tolist() == [16, 1]
    gradients = added(trained)
    assert gradients["1.weight"][:, 0].tolist() == pytest.approx((0.5 * gamma * torch.tensor([3.0, 5, 5])).tolist())
    assert gradients["3.weight"][2].tolist() == pytest.approx((0.5 * gamma * torch.tensor([-4.0, 12, 5])).tolist())
    assert not gradients["1.weight"][:, 1:].any()
    assert not gradients["1.bias"].any()


def test_scores_are_norms_relative_to_their_group(begin):
    scores = begin(group_norm, network=two_layers()).hook.finish()["1"]
    norms = torch.tensor([5, 13, 50**0.5])
    assert torch.allclose(scores, norms / norms.mean())


def test_gamma_is_worked_out_anew_every_so_many_steps(begin, added):
    trained = begin(group_norm, network=two_layers(), reg=0.5, every=3)

    def gamma_of_the_first(step):
        return added(trained, step)["1.weight"][0, 0].item() / 1.5

    assert gamma_of_the_first(0) == 16
    with torch.no_grad():
        trained.network[3].weight[2, 0] = 16  # the norm of the first unit becomes the greatest
    assert [gamma_of_the_first(step) for step in (1, 2, 3, 4)] == [16, 16, 1, 1]


def test_equal_norms_shrink_evenly(begin, added):
    network = two_layers()
    with torch.no_grad():
        network[1].weight[:, 0], network[3].weight[2] = 1, 2
    gradients = added(begin(group_norm, network=network, reg=0.5))
    assert gradients["1.weight"][:, 0].tolist() == [0.5] * 3


def test_dead_groups_score_zero(begin):
    network = two_layers()
    with torch.no_grad():
        network[1].weight.zero_()
        network[3].weight.zero_()
    assert begin(group_norm, network=network).hook.finish()["1"].tolist() == [0] * 3


def test_small_units_shrink_faster(train):
    def spread(alpha):
        norms = torch.cat(list(train(group_norm, reg=0.02, alpha=alpha).scores.values()))
        return norms.std()

    assert spread(4.0) > 1.5 * spread(0.0)


def test_numbers_that_mean_nothing_are_refused(begin):
    with pytest.raises(PruneError, match="group_norm: reg -1, alpha 4, every 10: expected 0, 0 and 1, or more"):
        begin(group_norm, reg=-1.0)


def test_it_serves_all_targets_and_ranks_by_itself():
    assert (group_norm.bound, group_norm.criterion, group_norm.allocation) == (False, "", "uniform")
