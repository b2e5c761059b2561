"""VGG: with batch norm for 32x32 images, as in Liu et al. 2019 (arXiv:1810.05270) and Network Slimming; for ImageNet.

The ImageNet network names its modules as torchvision's published weights do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

from fairprune.networks.initialise import kaiming_fan_out
from fairprune.networks.widths import whole

VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))  # max-pooling between stages
VGG19 = ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4)


class VGG(nn.Module):
    """Stages of 3x3 convolutions with ReLU, max-pooling between them, average pooling to pool x pool, a classifier."""

    def __init__(self, features: Iterable[nn.Module], classifier: nn.Sequential, pool: int = 1) -> None:
        super().__init__()
        self.features = nn.Sequential(*features)
        self.pool = nn.AdaptiveAvgPool2d(pool)
        self.classifier = classifier
        self.initialise()

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, h, w], h and w at least 16 (vgg16_imagenet: 32) -> logits [n, classes]."""
        x = self.pool(self.features(x))
        logits: Tensor = self.classifier(torch.flatten(x, 1))
        return logits

    def initialise(self) -> None:
        """Convolutions by `kaiming_fan_out`, linear layers from N(0, 0.01 ** 2), no bias at first, as Liu et al. do."""
        kaiming_fan_out(self)
        for module in self.features:
            if isinstance(module, nn.Conv2d) and module.bias is not None:
                nn.init.zeros_(module.bias)
        for module in self.classifier:
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)


def _features(
    channels: int, stages: Sequence[Sequence[int]], batch_norm: bool = True, bias: bool = False
) -> Iterator[nn.Module]:
    for number, stage in enumerate(stages):
        if number:
            yield nn.MaxPool2d(2)
        for width in stage:
            yield nn.Conv2d(channels, width, 3, padding=1, bias=bias)
            if batch_norm:
                yield nn.BatchNorm2d(width)
            yield nn.ReLU()
            channels = width


def _stages(name: str, default: Sequence[Sequence[int]], widths: Sequence[float] | None) -> list[list[int]]:
    if widths is None:
        return [list(stage) for stage in default]
    left = iter(whole(f"{name}: widths", widths, [sum(map(len, default))]))
    return [[next(left) for _ in stage] for stage in default]


def vgg16(classes: int, channels: int, *, widths: Sequence[float] | None = None) -> nn.Module:
    """13 convolutions; Linear 512, batch norm, ReLU, Linear: 14.99 M parameters, 313.46 M multiply-adds on CIFAR-10.

    `widths`: of the 13 convolutions, e.g. 32 64 128 128 256 ... for VGG-16-A of Liu et al.
    """
    stages = _stages("vgg16", VGG16, widths)
    hidden = nn.Linear(stages[-1][-1], 512), nn.BatchNorm1d(512), nn.ReLU()
    return VGG(_features(channels, stages), nn.Sequential(*hidden, nn.Linear(512, classes)))


def vgg19(classes: int, channels: int, *, widths: Sequence[float] | None = None) -> nn.Module:
    """16 convolutions and one Linear: 20.04 M parameters on CIFAR-10. `widths`: of the 16 convolutions."""
    stages = _stages("vgg19", VGG19, widths)
    return VGG(_features(channels, stages), nn.Sequential(nn.Linear(stages[-1][-1], classes)))


def vgg16_imagenet(
    classes: int,
    channels: int,
    *,
    widths: Sequence[float] | None = None,
    batch_norm: bool = False,
    gap: bool = False,
) -> nn.Module:
    """VGG-16 for ImageNet (arXiv:1409.1556): 138.36 M parameters with 1,000 classes, 15.47 G multiply-adds at 224x224.

    `widths`: of the 13 convolutions. `gap`: global average pooling, without the last max-pooling, and one Linear in
    place of three with dropout (ThiNet, arXiv:1707.06342).
    """
    stages = _stages("vgg16_imagenet", VGG16, widths)
    features, last = _features(channels, stages, batch_norm, bias=True), stages[-1][-1]
    if gap:
        return VGG(features, nn.Sequential(nn.Linear(last, classes)))
    hidden = nn.Linear(49 * last, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout()
    return VGG([*features, nn.MaxPool2d(2)], nn.Sequential(*hidden, nn.Linear(4096, classes)), pool=7)
