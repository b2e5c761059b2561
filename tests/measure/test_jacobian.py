"""Jacobians: by hand, against two of autograd's own and numpy's decomposition, and that measuring changes nothing."""

import copy
import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import fairprune as fp
from fairprune.measure.jacobian import LARGEST_BLOCK, jacobians, samples_at_once, spectrum
from fairprune.networks.lenet import lenet5


def linear(weight):
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weight)
    return layer


def images(n=5, seed=0):
    return torch.randn(n, 2, 6, 6, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def network():
    """What depends on the sample, on the mode and on chance: batch norm, ReLU in place, pooling, dropout."""
    torch.manual_seed(0)
    body = [nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Dropout(0.5)]
    net = nn.Sequential(*body, nn.Flatten(), nn.Linear(24, 16), nn.Tanh(), nn.Linear(16, 7))
    net[1].running_mean.uniform_(-1, 1)
    net[1].running_var.uniform_(0.5, 2)
    return net


def test_a_linear_networks_jacobian_is_its_weight():
    weight = torch.tensor([[3.0, 0.0, 4.0], [0.0, 2.0, 0.0]])
    found = jacobians(linear(weight), torch.randn(4, 3))
    assert torch.equal(found, weight.expand(4, 2, 3))
    seen = spectrum(linear(weight), [torch.randn(4, 3)])
    assert seen.values == pytest.approx(torch.tensor([[5.0, 2.0]] * 4, dtype=torch.float64))
    assert (seen.mean, seen.std, seen.smallest, seen.largest) == pytest.approx((3.5, 1.5, 2, 5))
    assert seen.condition == pytest.approx(2.5)
    assert seen.isometry == pytest.approx(math.sqrt((4**2 + 1**2) / 2))
    assert seen.passes == 3


def test_layers_without_nonlinearity_multiply():
    one, two = torch.randn(5, 8), torch.randn(3, 5)
    found = jacobians(nn.Sequential(linear(one), linear(two)), torch.randn(2, 8))
    assert torch.allclose(found, (two @ one).expand(2, 3, 8), atol=1e-6)


@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4)])
def test_orthogonal_weights_are_an_isometry(shape):
    weight = nn.init.orthogonal_(torch.empty(shape, dtype=torch.float64)).float()
    seen = spectrum(linear(weight), [torch.randn(3, shape[1])])
    assert seen.values.shape == (3, min(shape))
    assert (seen.mean, seen.condition) == pytest.approx((1, 1), abs=1e-6)
    assert (seen.std, seen.isometry) == pytest.approx((0, 0), abs=1e-6)
    doubled = spectrum(linear(2 * weight), [torch.randn(3, shape[1])])
    assert (doubled.mean, doubled.isometry, doubled.condition) == pytest.approx((2, 1, 1), abs=1e-5)


def test_a_pruned_linear_network_that_is_made_orthogonal_is_an_isometry():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(12, 10), nn.Linear(10, 10), nn.Linear(10, 4))
    inputs = torch.randn(3, 12)
    options = {"target": fp.ratio(0.5), "allocation": "uniform"}
    plain = fp.prune(net, inputs, criterion="l1_norm", **options)
    mended = fp.prune(net, inputs, criterion="l1_norm", repair="orthogonal", **options)
    assert [layer.out_features for layer in mended] == [5, 5, 4]
    assert spectrum(plain, [inputs]).condition > 2
    gain = math.sqrt(2)  # of every layer that lost something: all three
    assert spectrum(mended, [inputs]).values == pytest.approx(torch.full((3, 4), gain**3, dtype=torch.float64))


def test_it_is_autograds_jacobian_and_numpys_singular_values(network):
    inputs = images()
    found, seen = jacobians(network, inputs), spectrum(network, [inputs])
    network.eval()
    for sample, jacobian, values in zip(inputs, found, seen.values, strict=True):
        batch = sample[None]
        reverse = torch.autograd.functional.jacobian(network, batch).reshape(7, 72)
        functional = torch.func.jacrev(network)(batch).reshape(7, 72)
        assert torch.allclose(jacobian, reverse, atol=1e-6)
        assert torch.allclose(jacobian, functional, atol=1e-6)
        expected = np.linalg.svd(reverse.detach().numpy().astype(np.float64), compute_uv=False)
        assert values.numpy() == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_summary_values_are_those_of_all_samples(network):
    seen = spectrum(network, [images()])
    values = seen.values.numpy()
    assert (seen.mean, seen.std) == pytest.approx((values.mean(), values.std()))
    assert (seen.smallest, seen.largest) == (values.min(), values.max())
    assert seen.condition == pytest.approx(np.median(values[:, 0] / values[:, -1]))
    assert seen.isometry == pytest.approx(np.sqrt(((values - 1) ** 2).mean()))
    named = {m.name: m for m in seen.metrics("pruned")}
    assert list(named) == ["jsv_mean", "jsv_std", "jsv_min", "jsv_max", "jacobian_condition", "isometry_distance"]
    assert {(m.split, m.when, m.n) for m in named.values()} == {("train", "pruned", 5)}
    assert named["jsv_mean"].value == seen.mean
    assert [name for name, m in named.items() if m.direction == "lower"] == ["jacobian_condition", "isometry_distance"]


def test_neither_batches_nor_the_order_of_pixels_matter(network):
    inputs = images(7)
    whole = spectrum(network, [inputs]).values
    parts = spectrum(network, inputs.split(3)).values
    assert torch.allclose(whole, parts, rtol=1e-5)
    order = torch.randperm(72)
    unshuffle = torch.argsort(order)
    shuffled = nn.Sequential(nn.Flatten(), Reordered(unshuffle), nn.Unflatten(1, (2, 6, 6)), network)
    assert torch.allclose(spectrum(shuffled, [inputs.flatten(1)[:, order]]).values, whole, rtol=1e-5)
    last = inputs.contiguous(memory_format=torch.channels_last)
    assert torch.allclose(spectrum(network, [last]).values, whole, rtol=1e-4)


class Reordered(nn.Module):
    def __init__(self, order):
        super().__init__()
        self.order = order

    def forward(self, x):
        return x[:, self.order]


def test_measuring_leaves_the_network_as_it_was(network):
    network.train()
    network[4].eval()
    network[8].weight.requires_grad_(False)
    network[0].weight.grad = torch.ones_like(network[0].weight)
    before, modes = copy.deepcopy(network.state_dict()), [m.training for m in network.modules()]
    inputs = images()
    kept, drawn = inputs.clone(), torch.get_rng_state()
    with torch.no_grad():
        spectrum(network, [inputs])
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert [m.training for m in network.modules()] == modes
    assert network[0].weight.grad.eq(1).all()
    assert [p.grad for p in network.parameters()][1:] == [None] * 7
    assert torch.equal(torch.get_rng_state(), drawn)
    assert torch.equal(inputs, kept)
    assert not inputs.requires_grad


def test_convolutions_are_not_rounded_to_tf32_meanwhile():
    seen = []
    net = linear(torch.ones(1, 2))
    net.register_forward_hook(lambda *_: seen.append(torch.backends.cudnn.allow_tf32))
    before = torch.backends.cudnn.allow_tf32
    jacobians(net, torch.ones(1, 2))
    assert seen == [False]
    assert torch.backends.cudnn.allow_tf32 == before


def test_a_network_may_begin_in_place():
    inputs = torch.tensor([[1.0, -1.0, 2.0]])
    found = jacobians(nn.Sequential(nn.ReLU(inplace=True), linear(torch.tensor([[2.0, 3.0, 4.0]]))), inputs)
    assert found.tolist() == [[[2.0, 0.0, 4.0]]]
    assert inputs.tolist() == [[1.0, -1.0, 2.0]]


def test_masked_and_physically_pruned_networks_have_the_same():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Conv2d(2, 6, 3), nn.ReLU(), nn.Conv2d(6, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 5))
    small = fp.prune(net, images(), criterion="l1_norm", target=fp.ratio(0.5), allocation="uniform")
    masked = copy.deepcopy(net)
    for layer, number in ((masked[0], 3), (masked[2], 4)):
        weak = layer.weight.detach().abs().flatten(1).sum(1).argsort()[:number]
        with torch.no_grad():
            layer.weight[weak] = 0
            layer.bias[weak] = 0
    assert [small[0].out_channels, small[2].out_channels] == [3, 4]
    assert torch.allclose(spectrum(masked, [images()]).values, spectrum(small, [images()]).values, rtol=1e-4)


def test_a_dead_network_has_no_singular_value_above_zero():
    dead = nn.Sequential(linear(-torch.ones(4, 3)), nn.ReLU(), nn.Linear(4, 2))
    seen = spectrum(dead, [torch.full((2, 3), 9.0)])
    assert (seen.mean, seen.isometry, seen.condition) == (0, 1, math.inf)
    assert "jacobian_condition" not in {m.name for m in seen.metrics("final")}
    constant = jacobians(Constant(), torch.ones(2, 3))
    assert constant.tolist() == [[[0.0] * 3] * 2] * 2


class Constant(nn.Module):
    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.ones(2))

    def forward(self, x):
        return self.bias.expand(len(x), 2)


def test_what_is_not_finite_is_no_metric():
    seen = spectrum(linear(torch.tensor([[math.nan, 1.0]])), [torch.ones(2, 2)])
    assert seen.metrics("base") == ()
    assert math.isnan(seen.condition)


def test_one_rank_deficient_sample_does_not_decide_the_condition():
    """ReLU kills one output of the first sample; of three samples the median is that of a sample of full rank."""
    net = nn.Sequential(linear(torch.tensor([[2.0, 0.0], [0.0, 1.0]])), nn.ReLU())
    seen = spectrum(net, [torch.tensor([[1.0, -1.0], [1.0, 1.0], [2.0, 2.0]])])
    assert seen.values.tolist() == [[2.0, 0.0], [2.0, 1.0], [2.0, 1.0]]
    assert seen.condition == 2


def test_the_cost_is_one_pass_and_one_for_each_output(network):
    inputs = images(1)
    network.eval()
    with FlopCounterMode(display=False) as one:
        network(inputs)
    with FlopCounterMode(display=False) as all_of_them:
        jacobians(network, inputs)
    assert all_of_them.get_total_flops() == spectrum(network, [inputs]).passes * one.get_total_flops()


@pytest.mark.parametrize(("outputs", "inputs"), [(10, 784), (100, 3072), (1000, 150528), (1, 1)])
def test_batches_are_bounded(outputs, inputs):
    n = samples_at_once(outputs, inputs)
    assert n >= 1
    assert n == 1 or n * outputs * inputs <= LARGEST_BLOCK
    assert samples_at_once(10, 784) == 128


@pytest.mark.slow
def test_filters_removed_without_retraining_shrink_the_mean():
    """The shape that Wang, Qin & Fu 2021 (2105.05916) saw for a LeNet-5 with ReLU on MNIST, here on enlarged digits."""
    digits = load_digits()
    inputs = nn.functional.interpolate(torch.tensor(digits.images)[:, None].float(), size=(28, 28), mode="bilinear")
    inputs, labels = (inputs - inputs.mean()) / inputs.std(), torch.tensor(digits.target)
    torch.manual_seed(1)
    net = lenet5(10, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    for _ in range(10):
        for batch in torch.randperm(1500).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(inputs[batch]), labels[batch]).backward()
            optimizer.step()
    assert (net(inputs[1500:]).argmax(1) == labels[1500:]).float().mean() > 0.9
    means = []
    for ratio in (0.0, 0.1, 0.3, 0.5, 0.7, 0.9):
        options = {"target": fp.ratio(ratio), "allocation": "uniform", "spare": ("fc*",)}
        small = fp.prune(net, inputs[:1], criterion="l1_norm", **options)
        means.append(spectrum(small, [inputs[:128]]).mean)
    assert means == sorted(means, reverse=True)
    assert means[2] > 0.8 * means[0]
    assert means[-1] < 0.4 * means[0]
