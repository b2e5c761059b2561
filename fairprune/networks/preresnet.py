"""Pre-activation ResNets for 32x32 images (He et al. 2016b, arXiv:1603.05027).

Where the shape changes, the shortcut is a 1x1 convolution of the block's raw input, as in the networks that
Network Slimming (arXiv:1708.06519) and Liu et al. (arXiv:1810.05270) prune.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairprune.networks.initialise import kaiming_fan_out


class Basic(nn.Module):
    """Batch norm, ReLU, 3x3 convolution, twice."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.shortcut = _shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """[n, inputs, h, w] -> [n, width, h / stride, w / stride]."""
        out = self.conv1(F.relu(self.bn1(x)))
        out = self.conv2(F.relu(self.bn2(out)))
        total: Tensor = out + self.shortcut(x)
        return total


class Bottleneck(nn.Module):
    """Batch norm, ReLU, convolution, three times: 1x1, 3x3, and 1x1 to four times the width."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.shortcut = _shortcut(inputs, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """[n, inputs, h, w] -> [n, 4 * width, h / stride, w / stride]."""
        out = self.conv1(F.relu(self.bn1(x)))
        out = self.conv2(F.relu(self.bn2(out)))
        out = self.conv3(F.relu(self.bn3(out)))
        total: Tensor = out + self.shortcut(x)
        return total


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Conv2d(inputs, outputs, 1, stride, bias=False)


class PreResNet(nn.Module):
    """A stem of 16 channels, three stages of blocks of widths 16, 32 and 64, batch norm, ReLU, pooling, one Linear."""

    def __init__(self, classes: int, channels: int, blocks: int, bottleneck: bool) -> None:
        super().__init__()
        block, expansion = (Bottleneck, 4) if bottleneck else (Basic, 1)
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.layer1 = _stage(block, 16, 16, 1, blocks, expansion)
        self.layer2 = _stage(block, 16 * expansion, 32, 2, blocks, expansion)
        self.layer3 = _stage(block, 32 * expansion, 64, 2, blocks, expansion)
        self.bn = nn.BatchNorm2d(64 * expansion)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(64 * expansion, classes)
        self.initialise()

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, h, w] -> logits [n, classes]."""
        x = self.layer3(self.layer2(self.layer1(self.conv1(x))))
        x = self.pool(F.relu(self.bn(x)))
        logits: Tensor = self.linear(torch.flatten(x, 1))
        return logits

    def initialise(self) -> None:
        """See `kaiming_fan_out`."""
        kaiming_fan_out(self)


def _stage(
    block: type[Basic] | type[Bottleneck], inputs: int, width: int, stride: int, blocks: int, expansion: int
) -> nn.Sequential:
    rest = (block(width * expansion, width, 1) for _ in range(blocks - 1))
    return nn.Sequential(block(inputs, width, stride), *rest)


def preresnet110(classes: int, channels: int) -> nn.Module:
    """Pre-activation ResNet-110 of 54 basic blocks."""
    return PreResNet(classes, channels, 18, bottleneck=False)


def preresnet164(classes: int, channels: int) -> nn.Module:
    """Pre-activation ResNet-164 of 54 bottlenecks: 1.70 M parameters for 10 classes."""
    return PreResNet(classes, channels, 18, bottleneck=True)
