"""Sparse structure selection: the proximal step by hand, factors that fold away, blocks that go without a trace."""

import copy
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fairprune.errors import PruneError
from fairprune.networks.channel_pad import ChannelPad
from fairprune.networks.preresnet import PreResNet
from fairprune.pruning.apply import pruned
from fairprune.pruning.training.sss import FACTORS, proximal_step, sss
from fairprune.train import fit

BLOCKS = ["layer1.0", "layer1.1", "layer2.0", "layer2.1", "layer3.0", "layer3.1"]
SHORT = "constant:0.05 total:2"


def seeded(make):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make()


class Block(nn.Module):
    """Two convolutions and a shortcut, padded or projected where the shape changes."""

    def __init__(self, inputs, outputs, pad=False):
        super().__init__()
        stride = 1 if inputs == outputs else 2
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity()
        if stride > 1:
            self.shortcut = ChannelPad(inputs, outputs) if pad else nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x):
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + self.shortcut(x))


class Residual(nn.Module):
    """Three stages of two blocks."""

    def __init__(self, pad=False):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(2, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8)
        self.layer1 = nn.Sequential(Block(8, 8), Block(8, 8))
        self.layer2 = nn.Sequential(Block(8, 12, pad), Block(12, 12))
        self.layer3 = nn.Sequential(Block(12, 16, pad), Block(16, 16))
        self.linear = nn.Linear(16, 4)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.linear(x.mean((2, 3)))


def residual_network():
    return seeded(Residual)


def padded_network():
    return seeded(lambda: Residual(pad=True))


def pre_activation():
    return seeded(lambda: PreResNet(4, 2, 2, bottleneck=False))


def images(seed=5):
    return torch.randn(6, 2, 8, 8, generator=torch.Generator().manual_seed(seed))


def test_a_step_by_hand():
    """Rate 0.1, gamma 0.5, momentum 0.9: the threshold is 0.05.

    factor 1, gradient 2, speed 0.5:    z = 0.8 - 0.05 = 0.75; speed = -0.25 + 0.45 = 0.2;   0.75 + 0.18 = 0.93
    factor 0.02, gradient -0.1, none:   z = S(0.03) = 0;       speed = -0.02;                -0.018, so 0
    factor 0, gradient -1, speed 0:     z = S(0.1) = 0.05;     speed = 0.05;                 0.05 + 0.045 = 0.095
    factor 0, gradient 1, speed 0.1:    z = S(-0.1) = -0.05;   speed = -0.05 + 0.09 = 0.04;  -0.05 + 0.036, so 0
    """
    factors, speed = torch.tensor([1, 0.02, 0, 0]), torch.tensor([0.5, 0, 0, 0.1])
    proximal_step(factors, torch.tensor([2, -0.1, -1, 1]), speed, rate=0.1, gamma=0.5, momentum=0.9)
    torch.testing.assert_close(factors, torch.tensor([0.93, 0, 0.095, 0]))
    torch.testing.assert_close(speed, torch.tensor([0.2, -0.02, 0.05, 0.04]))


def test_without_a_penalty_a_step_is_that_of_nesterov_momentum():
    """The lookahead form of Nesterov's method, as in torch.optim.SGD, whose buffer is -speed / rate."""
    ours, speed = torch.full((3,), 5.0), torch.zeros(3)
    theirs = nn.Parameter(ours.clone())
    sgd = torch.optim.SGD([theirs], lr=0.05, momentum=0.9, nesterov=True)
    for step in range(5):
        gradient = torch.tensor([0.3, -0.2, 1.0]) * (step + 1)
        proximal_step(ours, gradient, speed, rate=0.05, gamma=0.0, momentum=0.9)
        theirs.grad = gradient
        sgd.step()
        torch.testing.assert_close(ours, theirs.detach())


def test_the_minimum_of_a_lasso():
    """1/2 (x - a)^2 + gamma |x| for x >= 0 is least at max(a - gamma, 0)."""
    goals = torch.tensor([2.0, 0.6, 0.4, -1.0])
    factors, speed = torch.ones(4), torch.zeros(4)
    for _ in range(400):
        proximal_step(factors, factors - goals, speed, rate=0.1, gamma=0.5, momentum=0.9)
    torch.testing.assert_close(factors, torch.tensor([1.5, 0.1, 0.0, 0.0]), rtol=0, atol=1e-5)
    assert factors[2:].tolist() == [0, 0]


@pytest.mark.parametrize("granularity", ["block", "channel"])
def test_factors_that_stay_at_one_are_plain_training(begin, train, granularity):
    still = train(
        sss,
        network=residual_network(),
        granularity=granularity,
        schedule=SHORT,
        wrap=lambda hook: replace(hook, on_step=lambda _: None),
    )
    plain = begin(sss, network=residual_network(), granularity=granularity, schedule=SHORT)
    plain.hook.finish()
    fit(plain.network, replace(plain.course, hook=None))
    for name, tensor in plain.network.state_dict().items():
        assert torch.equal(tensor, still.network.state_dict()[name]), name
    assert all(torch.equal(score, torch.ones_like(score)) for score in still.scores.values())


@pytest.mark.parametrize("make", [residual_network, padded_network, pre_activation])
def test_a_blocks_factor_acts_on_its_residual_branch(begin, make):
    """As in a network in which factor * branch + shortcut is written out; values, and gradients of the factors."""
    trained = begin(sss, network=make(), granularity="block")
    factors = trained.network.get_buffer(FACTORS)
    space = trained.setting.space
    assert [name for group in space.groups for name in space.blocks[group.name]] == BLOCKS
    with torch.no_grad():
        factors.copy_(torch.linspace(0.5, 1.5, 6))
    plain, written = make(), torch.linspace(0.5, 1.5, 6, requires_grad=True)
    for index, name in enumerate(BLOCKS):
        plain.get_submodule(name).forward = written_out(plain.get_submodule(name), written, index)
    found, expected = trained.network.train()(images()), plain.train()(images())
    torch.testing.assert_close(found, expected)
    slopes = [torch.autograd.grad(out.square().sum(), by)[0] for out, by in ((found, factors), (expected, written))]
    torch.testing.assert_close(slopes[0], slopes[1])
    assert all(slopes[0].abs() > 1e-6)


def written_out(block, factors, index):
    def activation_first(x):
        out = block.conv2(F.relu(block.bn2(block.conv1(F.relu(block.bn1(x))))))
        return factors[index] * out + block.shortcut(x)

    def activation_last(x):
        out = block.bn2(block.conv2(F.relu(block.bn1(block.conv1(x)))))
        return F.relu(factors[index] * out + block.shortcut(x))

    return activation_last if isinstance(block, Block) else activation_first


@pytest.mark.parametrize("make", [residual_network, pre_activation])
@pytest.mark.parametrize("granularity", ["block", "channel"])
def test_folding_changes_nothing(train, make, granularity):
    seen = []

    def looking(hook):
        def finish():
            seen.append(trained_network.eval()(images()).detach())
            return hook.finish()

        return replace(hook, finish=finish)

    trained_network = make()
    trained = train(sss, network=trained_network, granularity=granularity, wrap=looking, schedule=SHORT, gamma=0.3)
    assert any(float((score - 1).abs().max()) > 0.1 for score in trained.scores.values())
    torch.testing.assert_close(trained.network.eval()(images()), seen[0], rtol=1e-4, atol=1e-5)
    assert trained.network.state_dict().keys() == make().state_dict().keys()
    assert not any(module._forward_hooks for module in trained.network.modules())


def test_blocks_at_zero_go_without_a_trace(train):
    """Under a strong penalty factors reach exactly 0, and these blocks can be pruned from what was trained, exactly."""
    trained = train(sss, network=residual_network(), granularity="block", gamma=3.0, schedule="constant:0.05 total:4")
    space = trained.setting.space
    assert {name: score.shape for name, score in trained.scores.items()} == {
        group.name: (group.size,) for group in space.groups
    }
    scores = space.group_scores(trained.scores)
    gone = sum(int((score == 0).sum()) for score in scores.values())
    assert 3 <= gone <= 6
    kept = {name: (score > 0).nonzero().flatten() for name, score in scores.items()}
    small = pruned(trained.network, space.plan(kept))
    assert len(space.plan(kept).removed) == gone
    torch.testing.assert_close(small.eval()(images()), trained.network.eval()(images()), rtol=1e-6, atol=1e-6)


def test_a_stronger_penalty_leaves_less(train):
    sums = [
        sum(float(s.sum()) for s in train(sss, network=residual_network(), gamma=gamma, schedule=SHORT).scores.values())
        for gamma in (0.0, 0.1, 1.0)
    ]
    assert sums[0] > sums[1] > sums[2]


def test_scores_of_channels_are_those_of_their_units(train):
    """One factor for coupled channels; 1 where channels have to stay."""
    trained = train(sss, network=residual_network(), granularity="channel", gamma=0.2, target=1.5)
    space = trained.setting.space
    assert trained.scores.keys() == set(space.layers)
    stem = next(group for group in space.groups if group.name == "conv1")
    assert len(stem.layers) > 1
    assert all(torch.equal(trained.scores["conv1"], trained.scores[layer]) for layer in stem.layers)
    assert trained.scores["conv1"].unique().numel() > 2
    assert torch.equal(space.group_scores(trained.scores, "mean")["conv1"], trained.scores["conv1"].double())
    assert torch.equal(trained.scores["layer2.0.conv2"], trained.scores["layer2.0.shortcut"])


def test_channels_are_scaled_where_all_that_reads_them_sees_it(begin):
    """Behind the batch norm where it is the only reader; the stem of a pre-activation network has two."""
    hooked = begin(sss, network=pre_activation(), granularity="channel").network
    found = {name for name, module in hooked.named_modules() if module._forward_hooks}
    assert {"conv1", "layer1.0.bn2", "layer1.0.conv2", "layer2.0.shortcut"} <= found
    assert "layer1.0.bn1" not in found
    assert "layer1.0.conv1" not in found


def test_a_channels_factor_silences_it(begin):
    """Factor 0 for one unit: every layer that makes it yields zeros there."""
    trained = begin(sss, network=residual_network(), granularity="channel")
    space = trained.setting.space
    with torch.no_grad():
        trained.network.get_buffer(FACTORS)[space.units.starts[1] + 2] = 0
    group = space.groups[1]
    norm = trained.network.get_submodule(space.batch_norm_of[group.layers[0]])
    outs = []
    norm.register_forward_hook(lambda _module, _args, out: outs.append(out))
    trained.network(images())
    assert outs[0][:, 2].count_nonzero() == 0
    assert outs[0][:, 1].count_nonzero() > 0


def test_linear_layers_and_a_bias(begin):
    """No batch norm behind: the factor is on the layer's own output, bias included."""

    def make():
        return nn.Sequential(nn.Conv2d(2, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(216, 8), nn.ReLU(), nn.Linear(8, 4))

    plain, hooked = seeded(make), begin(sss, network=seeded(make), granularity="channel", target=1.2)
    factors = torch.linspace(0, 1, 14)
    with torch.no_grad():
        hooked.network.get_buffer(FACTORS).copy_(factors)
    middle = torch.relu(plain[0](images()) * factors[:6, None, None])
    expected = plain[5](torch.relu(plain[3](middle.flatten(1)) * factors[6:]))
    torch.testing.assert_close(hooked.network(images()), expected)
    scores = hooked.hook.finish()
    torch.testing.assert_close(hooked.network(images()), expected)
    assert torch.equal(torch.cat([scores["0"], scores["3"]]), factors)


def test_features_of_a_linear_layer_are_the_last_dimension(begin):
    network = seeded(lambda: nn.Sequential(nn.Flatten(2), nn.Linear(64, 2), nn.ReLU(), nn.Linear(2, 4)))
    plain, hooked = copy.deepcopy(network), begin(sss, network=network, granularity="channel", target=1.2)
    factors = torch.tensor([0.5, 2.0])
    with torch.no_grad():
        hooked.network.get_buffer(FACTORS).copy_(factors)
    expected = plain[3](F.relu(plain[1](images().flatten(2)) * factors))
    torch.testing.assert_close(hooked.network(images()), expected)


@pytest.mark.parametrize("granularity", ["block", "channel"])
def test_stopped_and_resumed_is_as_if_never_stopped(train, granularity):
    def run(**how):
        how = {"gamma": 0.2, "schedule": SHORT, "granularity": granularity} | how
        return train(sss, network=residual_network(), **how)

    whole, half = run(), run(stop=1)
    rest = run(resume=half.states[-1])
    assert not torch.equal(torch.cat(list(whole.scores.values())), half.network.get_buffer(FACTORS))
    for found, expected in ((rest.network.state_dict(), whole.network.state_dict()), (rest.scores, whole.scores)):
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_the_best_epochs_weights_come_with_its_factors(begin):
    trained = begin(sss, network=residual_network(), granularity="block", gamma=1.0)
    course = replace(trained.course, recipe=trained.course.recipe.model_copy(update={"checkpoint": "best"}))
    states = []
    fit(trained.network, course, on_epoch=lambda state: states.append(copy.deepcopy(state)))
    best = states[-1].best[FACTORS]
    assert torch.equal(trained.network.get_buffer(FACTORS).detach(), best)
    scores = trained.hook.finish()
    assert torch.equal(torch.cat(list(scores.values())), best)


class Fanned(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 2, 1), norm

    def forward(self, x):
        return x + self.norm(self.conv(x))


@pytest.mark.parametrize("norm", [nn.Tanh(), nn.BatchNorm2d(2, affine=False)])
def test_branches_that_cannot_be_scaled(begin, norm):
    network = nn.Sequential(Fanned(norm), nn.Flatten(), nn.Linear(128, 4))
    with pytest.raises(PruneError, match=r"sss scales the residual branch of block '0'.*spare that block"):
        begin(sss, network=network, granularity="block")


def test_a_branch_that_is_a_sequence(begin):
    network = nn.Sequential(Fanned(nn.Sequential(nn.ReLU(), nn.Conv2d(2, 2, 1))), nn.Flatten(), nn.Linear(128, 4))
    assert begin(sss, network=network, granularity="block").network[0].norm[1]._forward_hooks


def test_a_norm_without_a_scale_behind_a_layer(begin):
    network = nn.Sequential(nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6, affine=False), nn.Flatten(), nn.Linear(216, 4))
    with pytest.raises(PruneError, match=r"sss scales batch norm '1' behind layer '0', which has no scale"):
        begin(sss, network=network, granularity="channel", target=1.2)


@pytest.mark.parametrize("options", [{"gamma": -1.0}, {"gamma": float("nan")}, {"momentum": 1.0}, {"momentum": -0.1}])
def test_options_that_mean_nothing(begin, options):
    with pytest.raises(PruneError, match="sss: gamma"):
        begin(sss, network=residual_network(), **options)
