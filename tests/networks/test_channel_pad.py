import copy

import pytest
import torch
import torch.nn.functional as F

from fairprune.networks.channel_pad import ChannelPad
from fairprune.networks.resnet_cifar import resnet20


@pytest.mark.parametrize(("inputs", "outputs"), [(16, 32), (3, 8), (5, 5)])
def test_equals_the_zero_padding_of_the_paper(inputs, outputs):
    x = torch.randn(2, inputs, 7, 6, generator=torch.Generator().manual_seed(0))
    before = (outputs - inputs) // 2
    expected = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, before, outputs - inputs - before))
    assert torch.equal(ChannelPad(inputs, outputs)(x), expected)


def test_a_rewritten_map_moves_channels_and_gradients():
    pad = ChannelPad(3, 4, stride=1)
    pad.index, pad.out_channels = torch.tensor([2, -1, 0, -1]), 4
    x = torch.arange(3.0).reshape(1, 3, 1, 1).requires_grad_()
    out = pad(x)
    assert out.flatten().tolist() == [2, 0, 0, 0]
    (out * torch.tensor([5.0, 7.0, 11.0, 13.0]).reshape(1, 4, 1, 1)).sum().backward()
    assert x.grad.flatten().tolist() == [11, 0, 5]


def test_only_pruned_channels_vanish():
    """A pruned input channel is zero afterwards even where the activations are not finite."""
    pad = ChannelPad(2, 2, stride=1)
    pad.index = torch.tensor([-1, 1])
    assert pad(torch.tensor([torch.inf, 3.0]).reshape(1, 2, 1, 1)).flatten().tolist() == [0, 3]


def test_the_map_is_structure_not_state():
    network = resnet20(10, 3)
    assert not any("index" in name for name in network.state_dict())
    clone = copy.deepcopy(network)
    pad = network.layer2[0].shortcut
    pad.index = pad.index.flip(0)
    assert torch.equal(clone.layer2[0].shortcut.index, pad.index.flip(0))
