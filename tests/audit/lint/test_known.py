"""The sizes that the linter knows are those that networks of these names have when they are built and counted."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fairprune import registry
from fairprune.audit.lint.known import KNOWN, known
from fairprune.audit.spelling import spelling

SHAPES = {"cifar": (3, 32, 32, 10), "imagenet": (3, 224, 224, 1000), "mnist": (1, 28, 28, 10)}
NAMES = {"lenet300100": "lenet300", "lenet5caffe": "lenet5_caffe"}
BUILT = sorted(
    (place, network, f"{network}_imagenet" if place == "imagenet" and "vgg" in network else NAMES.get(network, network))
    for place, network in KNOWN
)


def multiply_adds(network: nn.Module, shape: tuple[int, ...]) -> int:
    counts: list[int] = []

    def count(module: nn.Module, _: object, output: torch.Tensor) -> None:
        assert isinstance(module, nn.Conv2d | nn.Linear)
        counts.append(output[0].numel() * module.weight[0].numel())

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    network(torch.zeros(1, *shape, device="meta"))
    return sum(counts)


@pytest.mark.parametrize(("place", "network", "name"), [b for b in BUILT if b[2] in registry.BUILTIN["network"]])
def test_against_counts(place: str, network: str, name: str) -> None:
    *shape, classes = SHAPES[place]
    with torch.device("meta"):
        built = registry.load("network", name)(classes, shape[0]).eval()
    params = sum(parameter.numel() for parameter in built.parameters()) / 1e6
    sizes = KNOWN[place, network]
    assert any(params == pytest.approx(size, rel=0.003) for size in sizes.params_m)
    assert any(multiply_adds(built, tuple(shape)) / 1e9 == pytest.approx(size, rel=0.003) for size in sizes.macs_g)


def test_most_of_them_are_counted() -> None:
    assert sum(name in registry.BUILTIN["network"] for _, _, name in BUILT) >= 14


@pytest.mark.parametrize(
    ("dataset", "network"),
    [
        ("cifar10", "resnet50"),
        ("tinyimagenet", "resnet18"),
        ("imagenet100", "resnet18"),
        ("", "resnet56"),
        ("cifar10", ""),
    ],
)
def test_others_are_not_known(dataset: str, network: str) -> None:
    assert known(dataset, network) is None


def test_other_spellings() -> None:
    assert known("cifar100", "vgg19bn") == known("cifar", "vgg19") == KNOWN["cifar", "vgg19"]
    assert known("cifar10", spelling("VGG (Torch)")) == KNOWN["cifar", "vgg16"]
    assert known("imagenet", "caffenet") == KNOWN["imagenet", "alexnet"]


def test_alexnet_by_hand() -> None:
    """Outputs times weights: five convolutions, the second, fourth and fifth in two halves; three linear layers."""
    convolutions = [(55, 96, 3 * 121), (27, 256, 48 * 25), (13, 384, 256 * 9), (13, 384, 192 * 9), (13, 256, 192 * 9)]
    linear = 9216 * 4096 + 4096 * 4096 + 4096 * 1000
    macs = sum(side * side * filters * weights for side, filters, weights in convolutions) + linear
    params = sum(filters * (weights + 1) for _, filters, weights in convolutions) + linear + 4096 + 4096 + 1000
    sizes = KNOWN["imagenet", "alexnet"]
    assert (macs / 1e9, params / 1e6) == pytest.approx((sizes.macs_g[0], sizes.params_m[0]), rel=1e-3)
