"""Every shipped network: published sizes, logits, traceability. On the meta device, so nothing is computed."""

import pytest
import torch
from torch import nn

from fairprune import registry
from fairprune.networks import predefined

NAMES = sorted(registry.BUILTIN["network"])
CIFAR = {"vgg16_a", "resnet56_a", "resnet56_b", "resnet110_a", "resnet110_b"}
LARGE = {"resnet18", "resnet34", "resnet50", "vgg16_imagenet"} | set(predefined.NAMES) - CIFAR
GREY = {"lenet300": 28, "lenet5": 28, "lenet5_caffe": 28, "digits_cnn": 8}


def make(name, classes=None, **options):
    channels = 1 if name in GREY else 3
    with torch.device("meta"):
        network = registry.load("network", name)(classes or (1000 if name in LARGE else 10), channels, **options)
    side = GREY.get(name, 224 if name in LARGE else 32)
    return network.eval(), (channels, side, side)


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def multiply_adds(network, shape):
    counts = []

    def count(module, _, output):
        per_output = module.weight[0].numel()  # without groups, each output value is one dot product
        counts.append(output[0].numel() * per_output)

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    network(torch.zeros(1, *shape, device="meta"))
    return sum(counts)


# LeNets: by hand. CIFAR ResNets: exact counts of He et al. 2016, table 6 (.27, .46, .66, .85, 1.7 M); DenseNet-40: of
# Huang et al. 2017 (1.0 M). VGG-16: Liu et al. 2019. VGG-19 and PreResNet-164: Liu et al. 2017. PreResNet-110:
# He et al. 2016b (1.7 M). ImageNet: torchvision's documentation.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lenet300", (784 * 300 + 300) + (300 * 100 + 100) + (100 * 10 + 10)),
        ("lenet5", (6 * 25 + 6) + (16 * 6 * 25 + 16) + (400 * 120 + 120) + (120 * 84 + 84) + (84 * 10 + 10)),
        ("lenet5_caffe", (20 * 25 + 20) + (50 * 20 * 25 + 50) + (800 * 500 + 500) + (500 * 10 + 10)),
        ("digits_cnn", (16 * 9 + 32) + (32 * 16 * 9 + 64) + (32 * 32 * 9 + 64) + (128 * 10 + 10)),
        ("resnet20", 269_722),
        ("resnet32", 464_154),
        ("resnet44", 658_586),
        ("resnet56", 853_018),
        ("resnet110", 1_727_962),
        ("densenet40", 1_019_722),
        ("resnet18", 11_689_512),
        ("resnet34", 21_797_672),
        ("resnet50", 25_557_032),
    ],
)
def test_exact_parameters(name, expected):
    assert parameters(make(name)[0]) == expected


@pytest.mark.parametrize(
    ("name", "millions"), [("vgg16", "14.99"), ("vgg19", "20.04"), ("preresnet164", "1.70"), ("preresnet110", "1.7")]
)
def test_published_parameters(name, millions):
    digits = len(millions.partition(".")[2])
    assert f"{parameters(make(name)[0]) / 1e6:.{digits}f}" == millions


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lenet300", 784 * 300 + 300 * 100 + 100 * 10),
        ("lenet5", 6 * 25 * 28**2 + 16 * 6 * 25 * 10**2 + 400 * 120 + 120 * 84 + 84 * 10),
        ("lenet5_caffe", 20 * 25 * 24**2 + 50 * 20 * 25 * 8**2 + 800 * 500 + 500 * 10),
        ("digits_cnn", 16 * 9 * 8**2 + (32 * 16 * 9 + 32 * 32 * 9) * 4**2 + 128 * 10),
        ("resnet20", 9 * ((3 * 16 + 6 * 16**2) * 32**2 + 11 * 16 * 32 * 16**2 + 11 * 32 * 64 * 8**2) + 640),
    ],
)
def test_multiply_adds_by_hand(name, expected):
    assert multiply_adds(*make(name)) == expected


@pytest.mark.parametrize(
    ("name", "millions", "tolerance"),
    [
        ("resnet56", 125.49, 0.005),  # Liu et al. 2019
        ("resnet110", 253, 0.5),  # Li et al. 2017, table 1
        ("vgg16", 313.46, 0.005),  # Liu et al. 2019
        ("vgg19", 797 / 2, 2),  # Liu et al. 2017, who count 2 per multiply-add, and other layers too
        ("preresnet164", 499 / 2, 2),
        ("densenet40", 533 / 2, 2),
        ("resnet18", 1810, 5),  # torchvision's documentation
        ("resnet34", 3660, 5),
        ("resnet50", 4090, 5),
    ],
)
def test_published_multiply_adds(name, millions, tolerance):
    assert multiply_adds(*make(name)) / 1e6 == pytest.approx(millions, abs=tolerance)


def test_resnet34_with_100_classes():
    assert round(multiply_adds(*make("resnet34", classes=100)) / 1e9, 3) == 3.663


def test_vgg16_a_of_liu_et_al():
    network, shape = make("vgg16", widths=(32, 64, 128, 128) + (256,) * 9)
    assert round(parameters(network) / 1e6, 2) == 5.40
    assert round(multiply_adds(network, shape) / 1e6, 2) == 206.28


def test_option_b_adds_two_projections_with_batch_norm():
    added = parameters(make("resnet20", shortcut="B")[0]) - parameters(make("resnet20")[0])
    assert added == (16 * 32 + 2 * 32) + (32 * 64 + 2 * 64)


@pytest.mark.parametrize("name", NAMES)
def test_logits_trace_and_classifier(name):
    network, shape = make(name, classes=7)
    batch = torch.zeros(2, *shape, device="meta")
    assert network(batch).shape == (2, 7)
    traced = torch.fx.symbolic_trace(network)
    assert traced(batch).shape == (2, 7)
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert isinstance(layers[-1], nn.Linear)
    assert layers[-1].out_features == 7


@pytest.mark.parametrize(("name", "side"), [("resnet18", 32), ("resnet34", 32), ("resnet50", 32)])
def test_cifar_stem_keeps_the_resolution(name, side):
    network, _ = make(name, classes=10, stem="cifar")
    sizes = []
    network.layer1.register_forward_hook(lambda _, inputs, __: sizes.append(inputs[0].shape[-1]))
    assert network(torch.zeros(1, 3, side, side, device="meta")).shape == (1, 10)
    assert sizes == [side]
