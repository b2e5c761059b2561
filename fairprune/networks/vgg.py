"""VGG with batch norm for 32x32 images, as in Liu et al. 2019 (arXiv:1810.05270) and Network Slimming."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from fairprune.errors import SpecError
from fairprune.networks.initialise import kaiming_fan_out

VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))  # max-pooling between stages
VGG19 = ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4)


class VGG(nn.Module):
    """Stages of 3x3 convolutions with batch norm and ReLU, max-pooling between them, average pooling, a classifier."""

    def __init__(self, channels: int, stages: Sequence[Sequence[int]], classifier: nn.Sequential) -> None:
        super().__init__()
        self.features = nn.Sequential(*_features(channels, stages))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = classifier
        self.initialise()

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, h, w], h and w at least 16 -> logits [n, classes]."""
        x = self.pool(self.features(x))
        logits: Tensor = self.classifier(torch.flatten(x, 1))
        return logits

    def initialise(self) -> None:
        """Convolutions by `kaiming_fan_out`, linear layers from N(0, 0.01 ** 2) without bias, as Liu et al. do."""
        kaiming_fan_out(self)
        for module in self.classifier:
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)


def _features(channels: int, stages: Sequence[Sequence[int]]) -> Iterator[nn.Module]:
    for number, stage in enumerate(stages):
        if number:
            yield nn.MaxPool2d(2)
        for width in stage:
            yield nn.Conv2d(channels, width, 3, padding=1, bias=False)
            yield nn.BatchNorm2d(width)
            yield nn.ReLU()
            channels = width


def _stages(name: str, default: Sequence[Sequence[int]], widths: Sequence[float] | None) -> list[list[int]]:
    if widths is None:
        return [list(stage) for stage in default]
    count = sum(map(len, default))
    if len(widths) != count or any(width != int(width) or width < 1 for width in widths):
        raise SpecError(f"{name}: widths must be {count} positive integers, got {list(widths)}")
    left = iter(widths)  # integers from a spec may arrive as floats
    return [[int(next(left)) for _ in stage] for stage in default]


def vgg16(classes: int, channels: int, *, widths: Sequence[float] | None = None) -> nn.Module:
    """13 convolutions; Linear 512, batch norm, ReLU, Linear: 14.99 M parameters, 313.46 M multiply-adds on CIFAR-10.

    `widths`: of the 13 convolutions, e.g. 32 64 128 128 256 ... for VGG-16-A of Liu et al.
    """
    stages = _stages("vgg16", VGG16, widths)
    hidden = nn.Linear(stages[-1][-1], 512), nn.BatchNorm1d(512), nn.ReLU()
    return VGG(channels, stages, nn.Sequential(*hidden, nn.Linear(512, classes)))


def vgg19(classes: int, channels: int, *, widths: Sequence[float] | None = None) -> nn.Module:
    """16 convolutions and one Linear: 20.04 M parameters on CIFAR-10. `widths`: of the 16 convolutions."""
    stages = _stages("vgg19", VGG19, widths)
    return VGG(channels, stages, nn.Sequential(nn.Linear(stages[-1][-1], classes)))
