"""ResNets for 32x32 images (He et al. 2016, arXiv:1512.03385, section 4.2).

Modules are named as in the published weights of github.com/akamaster/pytorch_resnet_cifar10.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairprune.errors import SpecError, unknown
from fairprune.networks.channel_pad import ChannelPad
from fairprune.networks.initialise import kaiming_fan_out
from fairprune.networks.widths import inner_widths

Shortcut = Literal["A", "B"]
Inner = Sequence[float] | None


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut; where the shape changes, by padding (A) or projection (B)."""

    def __init__(self, inputs: int, inner: int, outputs: int, stride: int, shortcut: Shortcut) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inner, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = _shortcut(inputs, outputs, stride, shortcut)

    def forward(self, x: Tensor) -> Tensor:
        """[n, inputs, h, w] -> [n, outputs, h / stride, w / stride]."""
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + self.shortcut(x))


def _shortcut(inputs: int, outputs: int, stride: int, shortcut: Shortcut) -> nn.Module:
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    if shortcut == "A":
        return ChannelPad(inputs, outputs, stride)
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class ResNet(nn.Module):
    """Depth 6n + 2: a stem of 16 channels, three stages of n blocks with 16, 32 and 64, pooling, one Linear.

    `inner`: widths inside the blocks, of their first convolutions, one per stage or per block.
    """

    def __init__(self, classes: int, channels: int, blocks: int, shortcut: Shortcut, inner: Inner) -> None:
        super().__init__()
        if shortcut not in ("A", "B"):
            raise SpecError(unknown("shortcut", str(shortcut), ("A", "B")))
        first, second, third = inner_widths(inner, [(16, blocks), (32, blocks), (64, blocks)])
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = _stage(16, 16, 1, first, shortcut)
        self.layer2 = _stage(16, 32, 2, second, shortcut)
        self.layer3 = _stage(32, 64, 2, third, shortcut)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(64, classes)
        self.initialise()

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, h, w] -> logits [n, classes]."""
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        logits: Tensor = self.linear(torch.flatten(self.pool(x), 1))
        return logits

    def initialise(self) -> None:
        """See `kaiming_fan_out`."""
        kaiming_fan_out(self)


def _stage(inputs: int, outputs: int, stride: int, inner: list[list[int]], shortcut: Shortcut) -> nn.Sequential:
    rest = (Block(outputs, width, outputs, 1, shortcut) for [width] in inner[1:])
    return nn.Sequential(Block(inputs, inner[0][0], outputs, stride, shortcut), *rest)


def resnet20(classes: int, channels: int, *, shortcut: Shortcut = "A", inner: Inner = None) -> nn.Module:
    """ResNet-20: 269,722 parameters for 10 classes (option A)."""
    return ResNet(classes, channels, 3, shortcut, inner)


def resnet32(classes: int, channels: int, *, shortcut: Shortcut = "A", inner: Inner = None) -> nn.Module:
    """ResNet-32: 464,154 parameters for 10 classes (option A)."""
    return ResNet(classes, channels, 5, shortcut, inner)


def resnet44(classes: int, channels: int, *, shortcut: Shortcut = "A", inner: Inner = None) -> nn.Module:
    """ResNet-44: 658,586 parameters for 10 classes (option A)."""
    return ResNet(classes, channels, 7, shortcut, inner)


def resnet56(classes: int, channels: int, *, shortcut: Shortcut = "A", inner: Inner = None) -> nn.Module:
    """ResNet-56: 853,018 parameters for 10 classes (option A), 125.49 M multiply-adds at 32x32."""
    return ResNet(classes, channels, 9, shortcut, inner)


def resnet110(classes: int, channels: int, *, shortcut: Shortcut = "A", inner: Inner = None) -> nn.Module:
    """ResNet-110: 1,727,962 parameters for 10 classes (option A)."""
    return ResNet(classes, channels, 18, shortcut, inner)
