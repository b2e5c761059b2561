"""Seconds of layers, by a clock that layers move themselves."""

import pytest
import torch
from torch import nn

from fairprune.measure import layers
from fairprune.measure.conditions import Conditions
from fairprune.measure.layers import layer_seconds


class Takes(nn.Module):
    def __init__(self, clock, seconds):
        super().__init__()
        self.clock, self.seconds = clock, seconds

    def forward(self, inputs):
        self.clock[0] += self.seconds
        return inputs

    def __deepcopy__(self, memo):
        return Takes(self.clock, self.seconds)


class Twice(nn.Module):
    """A block that calls its layer two times, and takes a while itself."""

    def __init__(self, clock):
        super().__init__()
        self.layer, self.clock = Takes(clock, 4.0), clock

    def forward(self, inputs):
        self.clock[0] += 1
        return self.layer(self.layer(inputs))

    def __deepcopy__(self, memo):
        return Twice(self.clock)


def test_layers_have_their_own_time_and_the_network_all(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(layers, "_clock", lambda _: lambda: clock[0])
    net = nn.Sequential(Takes(clock, 2.0), Twice(clock))
    found = layer_seconds(net, torch.zeros(1, 1), 3, Conditions(seconds=1.0, threads=1))
    assert found == {"": 11.0, "0": 2.0, "1.layer": 8.0}
    assert clock[0] == 8 * 11  # one pass to warm up, and seven
    assert not net[0]._forward_hooks


@pytest.mark.parametrize("size", [1, 5])
def test_layers_are_a_part_of_the_whole(size):
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    found = layer_seconds(net, torch.zeros(1, 1, 6, 6), size, Conditions(seconds=1e-3, threads=1))
    assert found.keys() == {"", "0", "1", "2", "3"}
    assert 0 < found["0"] < found[""]
