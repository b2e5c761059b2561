"""ResNets for ImageNet (He et al. 2016, arXiv:1512.03385), with modules named as in torchvision's published weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairprune.errors import SpecError, unknown
from fairprune.networks.initialise import kaiming_fan_out
from fairprune.networks.widths import inner_widths

Stem = Literal["imagenet", "cifar"]
Inner = Sequence[float] | None


class Basic(nn.Module):
    """Two 3x3 convolutions and a shortcut, projected where the shape changes (option B)."""

    def __init__(self, inputs: int, inner: Sequence[int], width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inner[0], 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner[0])
        self.conv2 = nn.Conv2d(inner[0], width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """[n, inputs, h, w] -> [n, width, h / stride, w / stride]."""
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + self.downsample(x))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions, the last to four times the width; the stride is in the 3x3 one (version 1.5)."""

    def __init__(self, inputs: int, inner: Sequence[int], width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inner[0], 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner[0])
        self.conv2 = nn.Conv2d(inner[0], inner[1], 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner[1])
        self.conv3 = nn.Conv2d(inner[1], 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = _shortcut(inputs, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """[n, inputs, h, w] -> [n, 4 * width, h / stride, w / stride]."""
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return F.relu(out + self.downsample(x))


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class ResNet(nn.Module):
    """A stem of 64 channels, four stages of blocks of widths 64, 128, 256 and 512, pooling, one Linear.

    `inner`: widths of all convolutions but the last in each block: one per stage, per block or per convolution.
    """

    def __init__(
        self, classes: int, channels: int, blocks: tuple[int, ...], bottleneck: bool, stem: Stem, inner: Inner
    ) -> None:
        super().__init__()
        if stem not in ("imagenet", "cifar"):
            raise SpecError(unknown("stem", str(stem), ("imagenet", "cifar")))
        block, expansion = (Bottleneck, 4) if bottleneck else (Basic, 1)
        widths = inner_widths(inner, list(zip((64, 128, 256, 512), blocks, strict=True)), 2 if bottleneck else 1)
        large = stem == "imagenet"
        self.conv1 = nn.Conv2d(
            channels, 64, 7 if large else 3, 2 if large else 1, padding=3 if large else 1, bias=False
        )
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1) if large else nn.Identity()
        self.layer1 = _stage(block, 64, 64, 1, widths[0], expansion)
        self.layer2 = _stage(block, 64 * expansion, 128, 2, widths[1], expansion)
        self.layer3 = _stage(block, 128 * expansion, 256, 2, widths[2], expansion)
        self.layer4 = _stage(block, 256 * expansion, 512, 2, widths[3], expansion)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512 * expansion, classes)
        self.initialise()

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, h, w] -> logits [n, classes]."""
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        logits: Tensor = self.fc(torch.flatten(self.avgpool(x), 1))
        return logits

    def initialise(self) -> None:
        """See `kaiming_fan_out`."""
        kaiming_fan_out(self)


def _stage(
    block: type[Basic] | type[Bottleneck],
    inputs: int,
    width: int,
    stride: int,
    inner: Sequence[Sequence[int]],
    expansion: int,
) -> nn.Sequential:
    rest = (block(width * expansion, widths, width, 1) for widths in inner[1:])
    return nn.Sequential(block(inputs, inner[0], width, stride), *rest)


def resnet18(classes: int, channels: int, *, stem: Stem = "imagenet", inner: Inner = None) -> nn.Module:
    """ResNet-18; `stem="cifar"`: a 3x3 convolution of stride 1 without max-pooling."""
    return ResNet(classes, channels, (2, 2, 2, 2), bottleneck=False, stem=stem, inner=inner)


def resnet34(classes: int, channels: int, *, stem: Stem = "imagenet", inner: Inner = None) -> nn.Module:
    """ResNet-34; 3.663 G multiply-adds at 224x224 with 100 classes."""
    return ResNet(classes, channels, (3, 4, 6, 3), bottleneck=False, stem=stem, inner=inner)


def resnet50(classes: int, channels: int, *, stem: Stem = "imagenet", inner: Inner = None) -> nn.Module:
    """ResNet-50, version 1.5; 25.557 M parameters with 1,000 classes."""
    return ResNet(classes, channels, (3, 4, 6, 3), bottleneck=True, stem=stem, inner=inner)
