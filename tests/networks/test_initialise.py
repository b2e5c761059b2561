import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fairprune import registry
from fairprune.errors import NetworkError
from fairprune.networks.digits import digits_cnn
from fairprune.networks.initialise import initialise
from fairprune.networks.resnet_cifar import resnet20
from fairprune.networks.vgg import vgg16


def same(a, b):
    left, right = a.state_dict(), b.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def scramble(network):
    with torch.no_grad():
        for tensor in [*network.parameters(), *network.buffers()]:
            tensor.fill_(3)


@given(seed=st.integers(0, 2**63 - 1))
@settings(max_examples=10, deadline=None)
def test_a_pure_function_of_the_seed(seed):
    a, b = digits_cnn(10, 1), digits_cnn(10, 1)
    scramble(b)
    b.eval()
    torch.rand(7)
    initialise(a, seed)
    initialise(b, seed)
    assert same(a, b)
    assert not b.training
    initialise(b, seed ^ 1)
    assert not torch.equal(a.conv1.weight, b.conv1.weight)
    assert not torch.equal(a.linear.weight, b.linear.weight)


@pytest.mark.parametrize("name", ["lenet300", "lenet5", "resnet20", "preresnet110", "vgg16", "densenet40", "resnet18"])
def test_shipped_networks(name):
    network = registry.load("network", name)(10, 3)
    parameters = dict(network.named_parameters())
    maps = [(m, m.index.clone()) for m in network.modules() if hasattr(m, "index")]
    with torch.no_grad():
        for tensor in [*network.parameters(), *(b for b in network.buffers() if b.is_floating_point())]:
            tensor.fill_(3)
    state = torch.get_rng_state()
    initialise(network, 0)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(p is parameters[n] for n, p in network.named_parameters())  # in place: optimizers keep their hold
    assert not any((tensor == 3).any() for tensor in network.state_dict().values())
    assert all(torch.equal(m.index, index) for m, index in maps)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.weight.unique().tolist() == [1]
            assert module.running_var.unique().tolist() == [1]
            assert module.running_mean.unique().tolist() == module.bias.unique().tolist() == [0]


def test_deviation_follows_the_current_shape():
    """He et al. 2015: N(0, 2 / (k * k * out)); a convolution that lost filters gets the deviation of its new width."""
    network = resnet20(10, 3)
    for out in (64, 16):
        network.layer3[0].conv1 = nn.Conv2d(32, out, 3, stride=2, padding=1, bias=False)
        initialise(network, 0)
        deviation = network.layer3[0].conv1.weight.std().item()
        assert deviation == pytest.approx(math.sqrt(2 / (9 * out)), rel=0.05)


def test_pruned_shapes_equal_a_network_built_small():
    widths = (8, 8, 16, 16) + (24,) * 9
    small = vgg16(10, 3, widths=widths)
    pruned = vgg16(10, 3, widths=(16, 8, 16, 16) + (24,) * 9)
    pruned.features[0] = nn.Conv2d(3, 8, 3, padding=1, bias=False)
    pruned.features[1] = nn.BatchNorm2d(8)
    pruned.features[3] = nn.Conv2d(8, 8, 3, padding=1, bias=False)
    initialise(small, 5)
    initialise(pruned, 5)
    assert same(small, pruned)
    assert small.classifier[0].weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert small.classifier[3].bias.unique().tolist() == [0]


def test_attention_is_reset():
    network = nn.TransformerEncoderLayer(8, 2, 16)
    twin = copy.deepcopy(network)
    scramble(twin)
    initialise(network, 1)
    initialise(twin, 1)
    assert same(network, twin)


class Prompted(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 2)
        self.token = nn.Parameter(torch.ones(2))
        self.register_buffer("average", torch.ones(2))
        self.register_buffer("constant", torch.full((2,), 4.0), persistent=False)
        self.register_buffer("table", torch.tensor([1, 0]))


class PromptedByItself(Prompted):
    def initialise(self):
        nn.init.normal_(self.token)
        self.average.zero_()


def test_what_nothing_resets_is_named_and_untouched():
    network = Prompted()
    before = copy.deepcopy(network)
    with pytest.raises(NetworkError, match=r"Prompted.*nothing resets token, average \(expected") as caught:
        initialise(network, 0)
    assert "\n" not in str(caught.value)
    assert same(network, before)


def test_own_initialise_covers_it_and_constants_stay():
    network = PromptedByItself()
    initialise(network, 0)
    assert network.average.tolist() == [0, 0]
    assert network.token.tolist() != [1, 1]
    assert network.constant.tolist() == [4, 4]
    assert network.table.tolist() == [1, 0]


class Drifting(nn.Linear):
    def reset_parameters(self):
        with torch.no_grad():
            self.weight.mul_(0.5)
            self.bias.zero_()


def test_a_reset_that_reads_old_values_is_refused():
    with pytest.raises(NetworkError, match=r"nothing resets weight"):
        initialise(Drifting(2, 2), 0)
