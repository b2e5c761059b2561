"""A small residual network for 8x8 digits: it has all that channel pruning must handle, and trains in seconds."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairprune.networks.initialise import kaiming_fan_out


class DigitsCNN(nn.Module):
    """3x3 convolutions 16-32-32 with batch norm, the last one in a residual connection; pooling; one Linear."""

    def __init__(self, classes: int, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(32)
        self.conv3 = nn.Conv2d(32, 32, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(32)
        self.linear = nn.Linear(32 * 2 * 2, classes)
        self.initialise()

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, 8, 8] -> logits [n, classes]."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.relu(self.bn2(self.conv2(x)))
        x = F.relu(self.bn3(self.conv3(x)) + x)
        logits: Tensor = self.linear(torch.flatten(F.max_pool2d(x, 2), 1))
        return logits

    def initialise(self) -> None:
        """See `kaiming_fan_out`."""
        kaiming_fan_out(self)


def digits_cnn(classes: int, channels: int) -> nn.Module:
    """The network of the demo: 8x8 images, 15,418 parameters for 10 classes and one channel."""
    return DigitsCNN(classes, channels)
