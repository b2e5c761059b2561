"""Tracing: values for the example, two graphs where training differs, and errors that name the place."""

import pytest
import torch
from torch import nn

from fairprune.errors import NetworkError
from fairprune.networks.channel_pad import ChannelPad
from fairprune.pruning.granularity.trace import BATCH, traced

IMAGE = torch.zeros(1, 3, 8, 8)


class Head(nn.Module):
    def __init__(self, forward):
        super().__init__()
        self.conv, self.then = nn.Conv2d(3, 4, 3), forward

    def forward(self, x):
        return self.then(self, self.conv(x))


def test_every_node_has_its_value():
    (graph,) = traced(nn.Sequential(nn.Conv2d(3, 4, 3), ChannelPad(4, 6), nn.Flatten()), IMAGE)
    shapes = [tuple(node.meta["value"].shape) for node in graph.graph.nodes]
    assert shapes == [(BATCH, 3, 8, 8), (BATCH, 4, 6, 6), (BATCH, 6, 3, 3), (BATCH, 54), (BATCH, 54)]


def test_training_is_traced_where_it_differs():
    assert len(traced(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout(), nn.BatchNorm2d(4)), IMAGE)) == 1
    graphs = traced(Head(lambda self, x: x * 2 if self.training else x), IMAGE)
    assert [any(node.op == "call_function" for node in g.graph.nodes) for g in graphs] == [False, True]


def test_a_branch_on_values_names_the_line():
    def branch(_self, x):
        return x if x.sum() > 0 else -x

    with pytest.raises(NetworkError, match=r"Head cannot be traced .* at test_trace.py:\d+ `return x if x.sum\(\) > 0"):
        traced(Head(branch), IMAGE)


def test_an_example_that_does_not_fit():
    message = (
        r"^Sequential does not run on an example of shape \[1, 1, 8, 8\]: .* to have 3 channels, but got 1 channels"
    )
    with pytest.raises(NetworkError, match=message):
        traced(nn.Sequential(nn.Conv2d(3, 4, 3)), torch.zeros(1, 1, 8, 8))


def test_lazy_modules_have_to_have_run():
    network = nn.Sequential(nn.LazyConv2d(4, 3))
    with pytest.raises(
        NetworkError, match=r"parameter '0.weight' of Sequential has no shape yet: run the network on an"
    ):
        traced(network, IMAGE)
    network(IMAGE)
    assert traced(network, IMAGE)


def test_hooks_are_refused():
    network = nn.Sequential(nn.Conv2d(3, 4, 3))
    network[0].register_forward_hook(lambda *_: None)
    with pytest.raises(NetworkError, match="module '0' has a forward hook"):
        traced(network, IMAGE)


def test_tensors_outside_of_buffers_are_no_obstacle():
    """They have no shadow, so a real copy runs."""
    constant = torch.ones(4, 1, 1)
    (graph,) = traced(Head(lambda _self, x: x * constant), IMAGE)
    assert list(graph.graph.nodes)[-1].meta["value"].shape == (BATCH, 4, 6, 6)
