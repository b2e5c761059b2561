"""Networks that Liu et al. 2019 (arXiv:1810.05270) call predefined: what pruning leaves, known before anything trains.

From L1-norm pruning (arXiv:1608.08710) come -A and -B: the first convolution of a residual block keeps
int(n * (1 - p)) filters, p by stage, and some blocks stay whole. ThiNet (arXiv:1707.06342) keeps 30, 50 or 70 % of the
inner channels of ResNet-50, and VGG-Conv, -GAP and -Tiny of VGG-16; VGG-5x is of regression-based pruning
(arXiv:1707.06168).

As in the code of Liu et al., the ImageNet VGG networks have biases and no batch norm. That code also gives biases to
the projections of ThiNet's ResNet-50, in front of batch norm: here they have none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from torch import nn

from fairprune.errors import SpecError, unknown
from fairprune.networks.resnet_cifar import Shortcut, resnet56, resnet110
from fairprune.networks.resnet_imagenet import Stem, resnet34, resnet50
from fairprune.networks.vgg import VGG16, vgg16, vgg16_imagenet
from fairprune.spec import NetworkSpec


@dataclass(frozen=True)
class _Blocks:
    """A ResNet of basic blocks after L1-norm pruning.

    stages   width and number of blocks of each
    removed  fraction of the first convolutions' filters removed, by stage, in decimals
    whole    blocks left whole, by the number of their first convolution, which is even: the stem is 1, projections
             do not count
    """

    base: str
    stages: tuple[tuple[int, int], ...]
    removed: tuple[str, ...]
    whole: tuple[int, ...]


_RESNET56 = (16, 9), (32, 9), (64, 9)
_RESNET110 = (16, 18), (32, 18), (64, 18)
_RESNET34 = (64, 3), (128, 4), (256, 6), (512, 3)
_RESNET34_WHOLE = (2, 8, 14, 16, 26, 28, 30, 32)
_BLOCKS = {
    "resnet56_a": _Blocks("resnet56", _RESNET56, (".1", ".1", ".1"), (16, 20, 38, 54)),
    "resnet56_b": _Blocks("resnet56", _RESNET56, (".6", ".3", ".1"), (16, 18, 20, 34, 38, 54)),
    "resnet110_a": _Blocks("resnet110", _RESNET110, (".5", "0", "0"), (36,)),
    "resnet110_b": _Blocks("resnet110", _RESNET110, (".5", ".4", ".3"), (36, 38, 74)),
    "resnet34_a": _Blocks("resnet34", _RESNET34, (".3", ".3", ".3", "0"), _RESNET34_WHOLE),
    "resnet34_b": _Blocks("resnet34", _RESNET34, (".5", ".6", ".4", "0"), _RESNET34_WHOLE),
}
_THINET = {  # inner widths by stage, of 64, 128, 256 and 512
    "resnet50_30": (19, 38, 76, 153),
    "resnet50_50": (32, 64, 128, 256),
    "resnet50_70": (44, 89, 179, 358),
}
_VGG = {  # widths of the convolutions
    "vgg16_a": (32, 64, 128, 128) + (256,) * 9,
    "vgg_conv": (32, 32, 64, 64) + (128,) * 3 + (256,) * 3 + (512,) * 3,
    "vgg_gap": (32, 32, 64, 64) + (128,) * 3 + (256,) * 3 + (512,) * 3,
    "vgg_tiny": (16, 16, 32, 32) + (64,) * 3 + (128,) * 5 + (256,),
    "vgg_5x": (24, 22, 41, 51, 108, 89, 111, 184, 276, 228) + (512,) * 3,
}
NAMES = (*_BLOCKS, *_THINET, *_VGG)


def liu_base(name: str) -> NetworkSpec:
    """The network of which a predefined one is a part: `vgg_gap` and `vgg_tiny` of one with their own classifier."""
    _known(name)
    if name in _BLOCKS:
        return NetworkSpec(name=_BLOCKS[name].base)
    if name in _THINET:
        return NetworkSpec(name="resnet50")
    if name == "vgg16_a":
        return NetworkSpec(name="vgg16")
    return NetworkSpec(name="vgg16_imagenet", options={"gap": True} if name in ("vgg_gap", "vgg_tiny") else {})


def liu_ratios(name: str) -> dict[str, float]:
    """Layer pattern -> fraction of filters removed from `liu_base(name)`, as allocation `given` takes them.

    That allocation removes ceil(p * n), which leaves int(n * (1 - p)), so that any criterion prunes to the predefined
    shapes. They hold as stated when the target asks for this amount (fairprune.pruning.designs.stated).
    """
    _known(name)
    if name in _BLOCKS:
        return _block_ratios(_BLOCKS[name])
    if name in _THINET:
        kept = zip(_THINET[name], (64, 128, 256, 512), strict=True)
        return {f"layer{stage}.*.conv[12]": 1 - left / width for stage, (left, width) in enumerate(kept, 1)}
    dense = [width for stage in VGG16 for width in stage]
    layers = _vgg_layers(step=3 if name == "vgg16_a" else 2)
    pairs = zip(layers, _VGG[name], dense, strict=True)
    return {layer: 1 - left / width for layer, left, width in pairs if left < width}


def _block_ratios(cut: _Blocks) -> dict[str, float]:
    ratios = {f"layer{stage}.*.conv1": float(removed) for stage, removed in enumerate(cut.removed, 1) if float(removed)}
    places = [f"layer{stage}.{block}" for stage, (_, count) in enumerate(cut.stages, 1) for block in range(count)]
    spared = [places[number // 2 - 1] for number in cut.whole]
    return ratios | {f"{place}.conv1": 0.0 for place in spared if f"{place.partition('.')[0]}.*.conv1" in ratios}


def _vgg_layers(step: int) -> list[str]:
    """Names of the convolutions: each takes `step` places in the sequence, max-pooling between stages one."""
    names, place = [], 0
    for stage in VGG16:
        for _ in stage:
            names.append(f"features.{place}")
            place += step
        place += 1
    return names


def _inner(name: str) -> list[int]:
    """Widths of the first convolutions of all blocks: int(n * (1 - p)), in exact arithmetic."""
    cut = _BLOCKS[name]
    stages = zip(cut.stages, cut.removed, strict=True)
    both = [(width, math.floor(width * (1 - Fraction(p)))) for (width, count), p in stages for _ in range(count)]
    return [width if 2 * block in cut.whole else kept for block, (width, kept) in enumerate(both, 1)]


def _known(name: str) -> None:
    if name not in NAMES:
        raise SpecError(unknown("predefined network", name, NAMES))


def vgg16_a(classes: int, channels: int) -> nn.Module:
    """VGG-16-A (CIFAR): 5.40 M parameters, 206.28 M multiply-adds."""
    return vgg16(classes, channels, widths=_VGG["vgg16_a"])


def resnet56_a(classes: int, channels: int, *, shortcut: Shortcut = "A") -> nn.Module:
    """ResNet-56-A (CIFAR): 112.44 M multiply-adds."""
    return resnet56(classes, channels, shortcut=shortcut, inner=_inner("resnet56_a"))


def resnet56_b(classes: int, channels: int, *, shortcut: Shortcut = "A") -> nn.Module:
    """ResNet-56-B (CIFAR): 90.91 M multiply-adds."""
    return resnet56(classes, channels, shortcut=shortcut, inner=_inner("resnet56_b"))


def resnet110_a(classes: int, channels: int, *, shortcut: Shortcut = "A") -> nn.Module:
    """ResNet-110-A (CIFAR)."""
    return resnet110(classes, channels, shortcut=shortcut, inner=_inner("resnet110_a"))


def resnet110_b(classes: int, channels: int, *, shortcut: Shortcut = "A") -> nn.Module:
    """ResNet-110-B (CIFAR)."""
    return resnet110(classes, channels, shortcut=shortcut, inner=_inner("resnet110_b"))


def resnet34_a(classes: int, channels: int, *, stem: Stem = "imagenet") -> nn.Module:
    """ResNet-34-A (ImageNet)."""
    return resnet34(classes, channels, stem=stem, inner=_inner("resnet34_a"))


def resnet34_b(classes: int, channels: int, *, stem: Stem = "imagenet") -> nn.Module:
    """ResNet-34-B (ImageNet)."""
    return resnet34(classes, channels, stem=stem, inner=_inner("resnet34_b"))


def resnet50_30(classes: int, channels: int, *, stem: Stem = "imagenet") -> nn.Module:
    """ThiNet's ResNet-50 of which 30 % of the inner channels are KEPT."""
    return resnet50(classes, channels, stem=stem, inner=_THINET["resnet50_30"])


def resnet50_50(classes: int, channels: int, *, stem: Stem = "imagenet") -> nn.Module:
    """ThiNet's ResNet-50 of which 50 % of the inner channels are KEPT."""
    return resnet50(classes, channels, stem=stem, inner=_THINET["resnet50_50"])


def resnet50_70(classes: int, channels: int, *, stem: Stem = "imagenet") -> nn.Module:
    """ThiNet's ResNet-50 of which 70 % of the inner channels are KEPT."""
    return resnet50(classes, channels, stem=stem, inner=_THINET["resnet50_70"])


def vgg_conv(classes: int, channels: int) -> nn.Module:
    """ThiNet's VGG-Conv: half the channels up to the tenth convolution; three linear layers."""
    return vgg16_imagenet(classes, channels, widths=_VGG["vgg_conv"])


def vgg_gap(classes: int, channels: int) -> nn.Module:
    """ThiNet's VGG-GAP: VGG-Conv with global average pooling and one Linear."""
    return vgg16_imagenet(classes, channels, widths=_VGG["vgg_gap"], gap=True)


def vgg_tiny(classes: int, channels: int) -> nn.Module:
    """ThiNet's VGG-Tiny: a quarter of the channels, half of the last; global average pooling, one Linear."""
    return vgg16_imagenet(classes, channels, widths=_VGG["vgg_tiny"], gap=True)


def vgg_5x(classes: int, channels: int) -> nn.Module:
    """VGG-5x of regression-based pruning; three linear layers."""
    return vgg16_imagenet(classes, channels, widths=_VGG["vgg_5x"])
