"""Sizes of networks that tables name most, for one input: millions of parameters, and 10^9 multiply-adds.

Several values where the name stands for several networks, or where counters differ by what they count: all of them
pass. Multiply-adds are those of convolutions and linear layers. CIFAR inputs are 3x32x32, ImageNet's 3x224x224,
MNIST's 1x28x28. Sources:

- CIFAR ResNets: He et al. 2016 (arXiv:1512.03385), table 6, and Liu et al. 2019 (arXiv:1810.05270)
- VGG on CIFAR: Liu et al. 2017 (arXiv:1708.06519) and 2019, with one or two linear layers, or those of 4096
- PreResNet-164, DenseNet-40: Liu et al. 2017
- ImageNet: torchvision's documentation; Krizhevsky et al. 2012 for an AlexNet in two halves, as Caffe's (0.724 G);
  He et al. 2016 for a ResNet-50 that strides in the first convolution (3.86 G)
- MobileNets: Howard et al. 2017 (arXiv:1704.04861), Sandler et al. 2018 (arXiv:1801.04381)
- LeNets: by hand
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_PLACES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("cifar", "cifar10", "cifar100"), "cifar"),
        **dict.fromkeys(("imagenet", "imagenet1k", "ilsvrc2012", "ilsvrc12"), "imagenet"),
        **dict.fromkeys(("mnist", "fashionmnist"), "mnist"),
    }
)
_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "vgg16bn": "vgg16",
        "vgg19bn": "vgg19",
        "mobilenet": "mobilenetv1",
        "lenet300": "lenet300100",
        "densenet40k12": "densenet40",
        "caffenet": "alexnet",
        **dict.fromkeys(("vgg(torch)", "vgg(torch),nodropout"), "vgg16"),  # as the corpus calls them
        "vgg(networkslimming)": "vgg19",
    }
)


@dataclass(frozen=True)
class Known:
    """What the networks of one name may have."""

    params_m: tuple[float, ...]
    macs_g: tuple[float, ...]

    def near(self, column: str) -> tuple[float, ...]:
        """The sizes that a column of the base network may hold."""
        return self.params_m if column == "params_m_base" else self.macs_g


KNOWN: Mapping[tuple[str, str], Known] = MappingProxyType(
    {
        ("cifar", "resnet20"): Known((0.270,), (0.0406,)),
        ("cifar", "resnet32"): Known((0.464,), (0.0689,)),
        ("cifar", "resnet44"): Known((0.659,), (0.0972,)),
        ("cifar", "resnet56"): Known((0.853,), (0.1255,)),
        ("cifar", "resnet110"): Known((1.728,), (0.2529,)),
        ("cifar", "preresnet164"): Known((1.703,), (0.2476,)),
        ("cifar", "densenet40"): Known((1.020,), (0.2648, 0.2829)),
        ("cifar", "vgg16"): Known((14.72, 14.99, 33.64), (0.3132, 0.3135, 0.3321)),
        ("cifar", "vgg19"): Known((20.04, 20.08, 38.95), (0.3982, 0.4171)),
        ("imagenet", "alexnet"): Known((60.97, 61.10), (0.7244, 0.7142)),
        ("imagenet", "resnet18"): Known((11.69,), (1.814,)),
        ("imagenet", "resnet34"): Known((21.80,), (3.664,)),
        ("imagenet", "resnet50"): Known((25.56,), (4.089, 3.858)),
        ("imagenet", "resnet101"): Known((44.55,), (7.802,)),
        ("imagenet", "resnet152"): Known((60.19,), (11.51,)),
        ("imagenet", "vgg16"): Known((138.36,), (15.47,)),
        ("imagenet", "vgg19"): Known((143.67,), (19.63,)),
        ("imagenet", "mobilenetv1"): Known((4.23,), (0.569,)),
        ("imagenet", "mobilenetv2"): Known((3.50,), (0.300,)),
        ("mnist", "lenet300100"): Known((0.2666,), (0.000266,)),
        ("mnist", "lenet5caffe"): Known((0.4311,), (0.002293,)),
        ("mnist", "lenet5"): Known((0.0617, 0.4311), (0.000417, 0.002293)),  # papers that say so may mean Caffe's
    }
)


def known(dataset: str, network: str) -> Known | None:
    """The sizes of a network; None for others. Both names as `fairprune.audit.read.spelling` has them."""
    place = _PLACES.get(dataset)
    return KNOWN.get((place, _ALIASES.get(network, network))) if place else None
