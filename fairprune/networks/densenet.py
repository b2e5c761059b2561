"""DenseNet-40 for 32x32 images (Huang et al. 2017, arXiv:1608.06993), without bottlenecks or compression."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairprune.networks.initialise import kaiming_fan_out


class Layer(nn.Module):
    """Batch norm, ReLU, 3x3 convolution; its output is appended to its input."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(inputs)
        self.conv = nn.Conv2d(inputs, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[n, inputs, h, w] -> [n, inputs + growth, h, w]."""
        return torch.cat([x, self.conv(F.relu(self.bn(x)))], 1)


class Transition(nn.Module):
    """Batch norm, ReLU, 1x1 convolution of the same width, 2x2 average pooling."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(width)
        self.conv = nn.Conv2d(width, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[n, width, h, w] -> [n, width, h / 2, w / 2]."""
        return F.avg_pool2d(self.conv(F.relu(self.bn(x))), 2)


class DenseNet(nn.Module):
    """A stem, three dense blocks of `layers` layers with transitions between, batch norm, ReLU, pooling, one Linear."""

    def __init__(self, classes: int, channels: int, stem: int, layers: int, growth: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, stem, 3, padding=1, bias=False)
        widths = [stem + block * layers * growth for block in range(4)]
        self.block1 = _block(widths[0], layers, growth)
        self.transition1 = Transition(widths[1])
        self.block2 = _block(widths[1], layers, growth)
        self.transition2 = Transition(widths[2])
        self.block3 = _block(widths[2], layers, growth)
        self.bn = nn.BatchNorm2d(widths[3])
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(widths[3], classes)
        self.initialise()

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, h, w], h and w at least 4 -> logits [n, classes]."""
        x = self.transition1(self.block1(self.conv1(x)))
        x = self.transition2(self.block2(x))
        x = self.pool(F.relu(self.bn(self.block3(x))))
        logits: Tensor = self.linear(torch.flatten(x, 1))
        return logits

    def initialise(self) -> None:
        """See `kaiming_fan_out`."""
        kaiming_fan_out(self)


def _block(inputs: int, layers: int, growth: int) -> nn.Sequential:
    return nn.Sequential(*(Layer(inputs + number * growth, growth) for number in range(layers)))


def densenet40(classes: int, channels: int) -> nn.Module:
    """DenseNet-40, growth 12, first convolution of 16 channels: 1.02 M parameters for 10 classes."""
    return DenseNet(classes, channels, stem=16, layers=12, growth=12)
