"""LeNets for small grey images (LeCun et al. 1998), as the pruning literature uses them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairprune.errors import NetworkError


class LeNet300(nn.Module):
    """Fully connected, 300-100-classes, ReLU; the image is flattened."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(features, 300)
        self.fc2 = nn.Linear(300, 100)
        self.fc3 = nn.Linear(100, classes)

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, size, size] -> logits [n, classes]."""
        x = F.relu(self.fc1(torch.flatten(x, 1)))
        x = F.relu(self.fc2(x))
        logits: Tensor = self.fc3(x)
        return logits


class LeNet5(nn.Module):
    """6-16 convolutions (5x5), 120-84-classes, with ReLU and max-pooling in place of the original's squashing.

    `batch_norm` puts one behind each convolution, for methods that prune by its scale.
    """

    def __init__(self, channels: int, classes: int, padding: int, batch_norm: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 6, 5, padding=padding)
        self.bn1 = nn.BatchNorm2d(6) if batch_norm else nn.Identity()
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.bn2 = nn.BatchNorm2d(16) if batch_norm else nn.Identity()
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, size, size] -> logits [n, classes]."""
        x = F.relu(F.max_pool2d(self.bn1(self.conv1(x)), 2))  # the largest first: the same, and a quarter of the ReLUs
        x = F.relu(F.max_pool2d(self.bn2(self.conv2(x)), 2))
        x = F.relu(self.fc1(torch.flatten(x, 1)))
        x = F.relu(self.fc2(x))
        logits: Tensor = self.fc3(x)
        return logits


class LeNet5Caffe(nn.Module):
    """20-50 convolutions (5x5), 500-classes; as in Caffe, the only ReLU stands behind the 500."""

    def __init__(self, channels: int, classes: int, side: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 20, 5)
        self.conv2 = nn.Conv2d(20, 50, 5)
        self.fc1 = nn.Linear(50 * side * side, 500)
        self.fc2 = nn.Linear(500, classes)

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, size, size] -> logits [n, classes]."""
        x = F.max_pool2d(self.conv1(x), 2)
        x = F.max_pool2d(self.conv2(x), 2)
        x = F.relu(self.fc1(torch.flatten(x, 1)))
        logits: Tensor = self.fc2(x)
        return logits


def lenet300(classes: int, channels: int, *, size: int = 28) -> nn.Module:
    """LeNet-300-100 for square images of `size` pixels: 266,610 parameters on MNIST."""
    return LeNet300(channels * size * size, classes)


def lenet5(classes: int, channels: int, *, size: int = 28, batch_norm: bool = False) -> nn.Module:
    """LeNet-5 for 32x32 images, or 28x28 ones that its first convolution pads to 32: 61,706 parameters on MNIST."""
    if size not in (28, 32):
        raise NetworkError(f"lenet5 takes images of 28x28 or 32x32 pixels, not {size}x{size}")
    return LeNet5(channels, classes, (32 - size) // 2, batch_norm)


def lenet5_caffe(classes: int, channels: int, *, size: int = 28) -> nn.Module:
    """LeNet-5-Caffe for square images of `size` pixels: 431,080 parameters on MNIST."""
    side = ((size - 4) // 2 - 4) // 2
    if side < 1:
        raise NetworkError(f"lenet5_caffe: images of {size}x{size} pixels are too small (expected at least 16x16)")
    return LeNet5Caffe(channels, classes, side)
