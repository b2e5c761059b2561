"""Predefined networks against published sizes, the rule of their authors, and pruning to their ratios."""

import math
from decimal import ROUND_FLOOR, Decimal

import pytest
import torch
from hypothesis import given as for_all
from hypothesis import strategies as st
from torch import nn

import fairprune as fp
from fairprune import registry
from fairprune.errors import FairpruneError
from fairprune.measure.cost import count
from fairprune.networks.build import build
from fairprune.networks.initialise import initialise
from fairprune.networks.predefined import NAMES, liu_base, liu_ratios
from fairprune.networks.resnet_cifar import resnet56
from fairprune.networks.resnet_imagenet import resnet34, resnet50
from fairprune.networks.vgg import vgg16_imagenet
from fairprune.pruning.allocation import given
from fairprune.pruning.designs import design, stated
from fairprune.pruning.granularity.channels import channel_space
from fairprune.pruning.granularity.remove import remove_channels
from fairprune.pruning.granularity.weights import weight_space
from fairprune.spec import NetworkSpec

# layer numbers of blocks left whole, and the fraction removed per stage, as the authors give them
RULES = {
    "resnet56_a": ({16, 20, 38, 54}, ".1 .1 .1"),
    "resnet56_b": ({16, 18, 20, 34, 38, 54}, ".6 .3 .1"),
    "resnet110_a": ({36}, ".5 0 0"),
    "resnet110_b": ({36, 38, 74}, ".5 .4 .3"),
    "resnet34_a": ({2, 8, 14, 16, 26, 28, 30, 32}, ".3 .3 .3 0"),
    "resnet34_b": ({2, 8, 14, 16, 26, 28, 30, 32}, ".5 .6 .4 0"),
}
CIFAR = {"vgg16_a", "resnet56_a", "resnet56_b", "resnet110_a", "resnet110_b"}
VGG_CONV = [32, 32, 64, 64, 128, 128, 128, 256, 256, 256, 512, 512, 512]
WIDTHS = {
    "vgg16_a": [32, 64, 128, 128, *[256] * 9],
    "vgg_conv": VGG_CONV,
    "vgg_gap": VGG_CONV,
    "vgg_tiny": [16, 16, 32, 32, 64, 64, 64, 128, 128, 128, 128, 128, 256],
    "vgg_5x": [24, 22, 41, 51, 108, 89, 111, 184, 276, 228, 512, 512, 512],
}
SLOW = {"resnet56_a", "resnet110_a", "resnet110_b", "resnet34_a", "resnet50_30", "resnet50_50", "resnet50_70"}


def make(name, **options):
    """The network, and an example for it; without numbers, unless its shortcuts are maps of channels."""
    cifar = name in CIFAR or name in ("vgg16", "resnet56", "resnet110")
    with torch.device("cpu" if name.startswith(("resnet56", "resnet110")) else "meta"):
        network = registry.load("network", name)(10 if cifar else 1000, 3, **options)
        return network.eval(), torch.zeros(1, 3, *[32 if cifar else 224] * 2)


def shapes(network):
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def test_all_are_in_the_registry():
    rows = [name for name, entry in registry.BUILTIN["network"].items() if "predefined:" in entry.where]
    assert sorted(rows) == sorted(NAMES)


# Li et al. 2017, table 1 (their ResNet-34 counts no projections: 22 M less), to the digits there; Liu et al. 2019;
# ThiNet, tables 2 and 3 (twice the multiply-adds; its ResNet-50 has its strides elsewhere, so only parameters compare)
@pytest.mark.parametrize(
    ("name", "params", "macs", "digits"),
    [
        ("vgg16_a", 5.40, 206.28, 0.005),
        ("resnet56_a", 0.77, 112.44, 0.005),
        ("resnet56_b", 0.73, 90.91, 0.006),
        ("resnet110_a", 1.68, 213, 0.5),
        ("resnet110_b", 1.16, 155, 0.5),
        ("resnet34_a", None, 3080 + 22, 5),
        ("resnet34_b", 19.3, 2760 + 22, 5),
        ("vgg_conv", 131.44, 9580 / 2, 3),
        ("vgg_gap", 8.32, 9340 / 2, 3),
        ("vgg_tiny", 1.32, 2010 / 2, 3),
        ("resnet50_30", 8.66, None, 0),
        ("resnet50_50", 12.38, None, 0),
        ("resnet50_70", 16.94, None, 0),
        ("vgg16_imagenet", 138.36, 30940 / 2, 3),
    ],
)
def test_published_sizes(name, params, macs, digits):
    cost = count(*make(name))
    if params:
        assert cost.params / 1e6 == pytest.approx(params, abs=0.2 if name.startswith("resnet34") else 0.013)
    if macs:
        assert cost.macs / 1e6 == pytest.approx(macs, abs=digits)


def test_vgg_5x_by_hand():
    widths, maps = WIDTHS["vgg_5x"], [224] * 2 + [112] * 2 + [56] * 3 + [28] * 3 + [14] * 3
    pairs = list(zip([3, *widths], widths, strict=False))
    linear = 25088 * 4096 + 4096 * 4096 + 4096 * 1000
    cost = count(*make("vgg_5x"))
    assert cost.params == sum(9 * a * b + b for a, b in pairs) + linear + 4096 + 4096 + 1000
    assert cost.macs == sum(9 * a * b * side**2 for (a, b), side in zip(pairs, maps, strict=True)) + linear


@pytest.mark.parametrize("name", RULES)
def test_blocks_by_the_authors_count_of_layers(name):
    """Convolutions are counted from 1, projections left out; the even ones begin a block."""
    whole, fractions = RULES[name]
    network, stages = make(name)[0], fractions.split()
    number = 0
    for path, module in network.named_modules():
        if not isinstance(module, nn.Conv2d) or module.kernel_size == (1, 1):
            continue
        number += 1
        stage = int(path[5]) - 1 if path.startswith("layer") else 0
        dense = (64 if name.startswith("resnet34") else 16) * 2**stage
        kept = dense if number % 2 or number in whole else int(dense * (1 - Decimal(stages[stage])))
        assert module.out_channels == kept, (path, number)


@pytest.mark.parametrize("name", WIDTHS)
def test_vgg_widths(name):
    network, _ = make(name)
    assert [m.out_channels for m in network.modules() if isinstance(m, nn.Conv2d)] == WIDTHS[name]
    first = next(m for m in network.modules() if isinstance(m, nn.Linear))
    assert first.in_features == (25088 if name in ("vgg_conv", "vgg_5x") else WIDTHS[name][-1])
    assert any(isinstance(m, nn.BatchNorm2d) for m in network.modules()) == (name == "vgg16_a")


@pytest.mark.parametrize("percent", [30, 50, 70])
def test_thinet_keeps_the_named_percentage_of_inner_channels(percent):
    network, _ = make(f"resnet50_{percent}")
    for stage in range(4):
        widths = {c.out_channels for block in getattr(network, f"layer{stage + 1}") for c in (block.conv1, block.conv2)}
        assert widths == {64 * 2**stage * percent // 100}


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in NAMES])
def test_channels_pruned_by_the_ratios_leave_the_predefined_shapes(name):
    base = liu_base(name)
    network, example = make(base.name, **base.options)
    space = channel_space(network, example)
    choice = design(space, liu_ratios(name))
    small, _ = make(name)
    assert shapes(remove_channels(network, space.plan(choice.kept))) == shapes(small)
    assert choice.on_target
    assert choice.size == count(small, example).size


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in NAMES])
def test_traceable(name):
    network, example = make(name)
    assert all(group.size > 1 for group in channel_space(network, example).groups)
    weights = weight_space(network, count(network, example).layers)
    assert len(weights.groups) == sum(isinstance(m, nn.Conv2d | nn.Linear) for m in network.modules()) - 1


def test_l1_norm_prunes_resnet56_to_b():
    torch.manual_seed(0)
    network, ratios, example = resnet56(10, 3), liu_ratios("resnet56_b"), torch.zeros(1, 3, 32, 32)
    amount = stated(channel_space(network, example).groups, ratios)
    small = fp.prune(network, example, criterion="l1_norm", allocation="given", ratios=ratios, target=fp.ratio(amount))
    assert shapes(small) == shapes(make("resnet56_b")[0])
    filters = network.layer1[0].conv1.weight
    best = filters.abs().sum((1, 2, 3)).topk(6).indices.sort().values
    assert torch.equal(small.layer1[0].conv1.weight, filters[best])
    assert round(small.fairprune.small.macs / 1e6, 2) == 90.91
    assert round(small.fairprune.speedup, 3) == 1.380


@for_all(st.integers(1, 99), st.integers(1, 600))
def test_given_keeps_what_the_authors_rule_keeps(hundredths, n):
    """n - ceil(p * n) = int(n * (1 - p)) for decimal p, e.g. 10 * (1 - 0.9), which is 0.99... in binary."""
    kept = (n * (1 - Decimal(hundredths) / 100)).to_integral_value(ROUND_FLOOR)
    assert given({"a": torch.zeros(n)}, 1 - hundredths / 100, 0, ratios={"a": hundredths / 100}) == {"a": int(kept)}


def test_ratios_by_hand():
    assert liu_ratios("resnet34_b") == {
        "layer1.*.conv1": 0.5,
        "layer2.*.conv1": 0.6,
        "layer3.*.conv1": 0.4,
        "layer1.0.conv1": 0,
        "layer2.0.conv1": 0,
        "layer2.3.conv1": 0,
        "layer3.0.conv1": 0,
        "layer3.5.conv1": 0,
    }
    assert liu_ratios("resnet110_a") == {"layer1.*.conv1": 0.5, "layer1.17.conv1": 0}
    assert liu_ratios("vgg16_a") == dict.fromkeys([f"features.{n}" for n in (0, 24, 27, 30, 34, 37, 40)], 0.5)
    assert liu_ratios("vgg_tiny")["features.28"] == 0.5
    removed = enumerate((45 / 64, 90 / 128, 180 / 256, 359 / 512), 1)
    assert liu_ratios("resnet50_30") == {f"layer{stage}.*.conv[12]": ratio for stage, ratio in removed}
    assert liu_base("vgg_gap") == NetworkSpec(name="vgg16_imagenet", options={"gap": True})


def test_unknown_names():
    for function in (liu_ratios, liu_base):
        with pytest.raises(FairpruneError, match="unknown predefined network 'resnet56-a'; did you mean 'resnet56_a'"):
            function("resnet56-a")


@pytest.mark.parametrize("convolutions", [1, 2])
def test_inner_widths_per_stage_block_or_convolution(convolutions):
    factory, widths = (resnet50 if convolutions == 2 else resnet34), [5, 6, 7, 8]
    per_block = [w for w, blocks in zip(widths, (3, 4, 6, 3), strict=True) for _ in range(blocks)]
    per_convolution = [w for w in per_block for _ in range(convolutions)]
    with torch.device("meta"):
        made = [factory(10, 3, inner=inner) for inner in (widths, per_block, per_convolution)]
        dense = factory(10, 3), factory(10, 3, inner=(64, 128, 256, 512))
    assert shapes(made[0]) == shapes(made[1]) == shapes(made[2])
    assert [made[0].layer3[5].conv1.out_channels, made[0].layer4[0].conv1.out_channels] == [7, 8]
    assert shapes(dense[0]) == shapes(dense[1])


def test_inner_widths_from_a_spec():
    spec = NetworkSpec.model_validate({"name": "resnet20", "options": {"inner": [4, 5, 6, 7, 8, 9, 10, 11, 12]}})
    network = build(spec, (3, 8, 8), 10)
    assert [b.conv1.out_channels for s in (network.layer1, network.layer2, network.layer3) for b in s] == [
        *range(4, 13)
    ]


@pytest.mark.parametrize("inner", [(8, 8), (8.5, 8, 8), (0, 8, 8), (math.inf, 8, 8), 8, "abc"])
def test_inner_widths_that_do_not_fit(inner):
    with pytest.raises(FairpruneError, match=r"^inner must be 3 or 9 positive integers, got "):
        registry.load("network", "resnet20")(10, 3, inner=inner)


def test_imagenet_vgg_as_torchvision_has_it():
    with torch.device("meta"):
        plain, normed = vgg16_imagenet(1000, 3), vgg16_imagenet(1000, 3, batch_norm=True)
    # documented sizes of torchvision's vgg16 and vgg16_bn
    assert [sum(p.numel() for p in network.parameters()) for network in (plain, normed)] == [138_357_544, 138_365_992]
    assert [name for name in shapes(plain) if name.endswith("weight")] == [
        *(f"features.{n}.weight" for n in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)),
        *(f"classifier.{n}.weight" for n in (0, 3, 6)),
    ]


def test_imagenet_vgg_initialises_its_biases():
    network = vgg16_imagenet(4, 3, widths=[2] * 13, gap=True)
    initialise(network, 3)
    assert all(not p.any() for name, p in network.named_parameters() if name.endswith("bias"))
    assert network(torch.zeros(2, 3, 16, 16)).shape == (2, 4)
