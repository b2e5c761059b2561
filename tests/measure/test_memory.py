"""Memory of a forward pass, counted by hand: fp32 tensors of 4 bytes an element."""

import torch
from torch import nn

from fairprune.measure.memory import peak_memory


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, inputs):
        return self.function(inputs)


def peak(function, inputs):
    return peak_memory(Function(function), inputs)


def test_the_most_that_is_alive_at_once_counts():
    inputs = torch.zeros(100)
    assert peak(lambda x: x + 1, inputs) == 800  # input and output
    assert peak(lambda x: ((x + 1) + 1) + 1, inputs) == 1200  # two at a time besides the input
    assert peak(lambda x: (a := x + 1) + (b := a + 1) + b, inputs) == 2000  # input, a, b and two sums


def test_what_is_done_in_place_takes_nothing():
    assert peak(lambda x: (x + 1).relu_().mul_(2), torch.zeros(100)) == 800
    assert peak(lambda x: x.view(10, 10).t().reshape(-1)[:0], torch.zeros(100)) == 800  # one copy, by reshape


def test_weights_are_not_counted():
    net = nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.ReLU())
    inputs = torch.zeros(2, 1, 6, 6)
    maps = 2 * 4 * 4 * 4 * 4
    assert peak_memory(net.eval(), inputs) == 2 * 36 * 4 + 2 * maps
    assert all(parameter.grad is None for parameter in net.parameters())


def test_a_batch_takes_in_proportion_to_its_size():
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)).eval()
    one, eight = (peak_memory(net, torch.zeros(n, 1, 6, 6)) for n in (1, 8))
    assert eight == 8 * one
