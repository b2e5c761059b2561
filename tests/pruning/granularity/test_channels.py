"""Channel spaces: groups, scores, sizes, plans, refusals; torch-pruning as an oracle for coupling."""

import math
from decimal import Decimal

import pytest
import torch
import torch.nn.functional as F
import torch_pruning as tp
from torch import nn

from fairprune.errors import NetworkError, PruneError
from fairprune.measure import shadow
from fairprune.networks.resnet_cifar import resnet20, resnet56
from fairprune.networks.resnet_imagenet import resnet34
from fairprune.networks.vgg import vgg16
from fairprune.pruning.granularity.channels import channel_space

CIFAR = torch.zeros(1, 3, 32, 32)


def sizes(space):
    return {group.name: group.size for group in space.groups}


def layers(space):
    return {group.name: group.layers for group in space.groups}


GROUPS = {
    "plain": {"0": 6, "4": 5, "7": 9},
    "sequence": {"0": 6, "4": 5, "6": 8},
    "volume": {"0": 5, "5": 6},
    # of 10 channels 6 come through the padding, of 14 then these 6 and the other 4
    "option-A": {"stem": 6, "a1": 5, "b1": 7, "b2": 4, "c1": 8, "c2": 4},
    "option-B": {"stem": 6, "a1": 5, "b1": 7, "b2": 10, "c1": 8, "c2": 14},
    "pre-activation": {"stem": 6, "c1": 5, "c2": 4},
    "padded-alone": {"stem": 6},
    "dense": {"stem": 6, "convs.0": 4, "convs.1": 4, "transition": 7},
    "mobile": {"point": 8, "squeeze": 5, "down": 8, "up": 3},
    "shared": {"stem": 6, "last": 5},
    "tied": {"last": 5},
    "hourglass": {"down1": 6, "down2": 8, "up": 5, "merge": 4},
    "mixing": {"free": 6, "c": 5},
    "scaled": {"b": 5},
    "mixer": {"patch": 6, "up": 10},
    "auxiliary": {"a": 6, "b": 5},
}


@pytest.mark.parametrize("small", [0, 10**9])
def test_groups(graph, small, monkeypatch):
    """The same whether a shadow or a copy is traced."""
    monkeypatch.setattr(shadow, "SMALL_NETWORK", small)
    name, network, example = graph
    assert sizes(channel_space(network, example, ())) == GROUPS[name]


def test_producers_of_a_group(zoo):
    assert layers(channel_space(*zoo("option-A"))) == {
        "stem": ("stem", "a2", "b2", "c2"),
        "a1": ("a1",),
        "b1": ("b1",),
        "b2": ("b2", "c2"),
        "c1": ("c1",),
        "c2": ("c2",),
    }
    assert layers(channel_space(*zoo("mobile"))) == {
        "point": ("point", "excite"),
        "squeeze": ("squeeze",),
        "down": ("down", "gate"),
        "up": ("up",),
    }
    assert layers(channel_space(*zoo("shared"))) == {"stem": ("stem", "twice"), "last": ("last",)}


def test_groups_of_a_resnet():
    space = channel_space(resnet20(10, 3), CIFAR)
    assert list(sizes(space).values()) == [16, 16, 16, 16, 32, 16, 32, 32, 64, 32, 64, 64]
    assert space.minimum == 1
    assert space.granularity == "channel"
    assert "fc" not in str(space.layers)


class Concatenated(nn.Module):
    """DenseNet's way, without what torch-pruning 1.6 misreads (the image among the parts, a flattened map)."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 5, 1), nn.Conv2d(9, 6, 1)
        self.bn, self.fc = nn.BatchNorm2d(9), nn.Linear(15, 4)

    def forward(self, x):
        x = self.a(x)
        x = torch.cat([x, self.b(x)], 1)
        x = torch.cat([self.c(F.relu(self.bn(x))), x], 1)
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class Separable(nn.Module):
    """Depthwise (without a multiplier, which torch-pruning 1.6 misreads) and squeeze-and-excitation."""

    def __init__(self):
        super().__init__()
        self.a, self.depth, self.bn = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 6, 3, groups=6), nn.BatchNorm2d(6)
        self.squeeze, self.excite, self.b = nn.Conv2d(6, 3, 1), nn.Conv2d(3, 6, 1), nn.Conv2d(6, 5, 1)
        self.fc = nn.Linear(5, 4)

    def forward(self, x):
        x = F.relu(self.bn(self.depth(self.a(x))))
        x = x * torch.sigmoid(self.excite(F.relu(self.squeeze(F.adaptive_avg_pool2d(x, 1)))))
        return self.fc(F.adaptive_avg_pool2d(self.b(x), 1).flatten(1))


def positions_removed(space, group, unit):
    """What goes with one unit, read from a plan: pairs of side and position; of depthwise layers the output only."""
    kept = torch.tensor([i for i in range(group.size) if i != unit])
    gone = set()
    for side, positions in space.plan({group.name: kept}).kept.items():
        if side != "depth/in":
            gone |= {(side, i) for i in set(range(len(space.units.sides[side]))) - set(positions.tolist())}
    return gone


def positions_coupled(oracle, names, module, channel):
    """The same according to torch-pruning."""
    prune = tp.prune_linear_out_channels if isinstance(module, nn.Linear) else tp.prune_conv_out_channels
    coupled = set()
    for dependency, indices in oracle.get_pruning_group(module, prune, idxs=[channel]):
        target, handler = dependency.target.module, dependency.handler.__name__
        if target in names:
            side = "in" if "in_channels" in handler and getattr(target, "groups", 1) == 1 else "out"
            coupled |= {(f"{names[target]}/{side}", index) for index in indices}
    return coupled


@pytest.mark.parametrize("name", ["plain", "sequence", "option-B", Concatenated, Separable])
def test_coupling_agrees_with_torch_pruning(zoo, name):
    """For every channel of every producer: the positions that go with it, by module and side."""
    network, example = zoo(name) if isinstance(name, str) else (name(), torch.zeros(1, 3, 8, 8))
    space = channel_space(network, example, ())
    oracle = tp.DependencyGraph().build_dependency(network, example, verbose=False)
    names = {module: name for name, module in network.named_modules()}
    for group, start in zip(space.groups, space.units.starts, strict=False):
        for layer in group.layers:
            for channel, number in enumerate(space.units.sides[f"{layer}/out"]):
                expected = positions_coupled(oracle, names, network.get_submodule(layer), channel)
                assert positions_removed(space, group, number - start) == expected, (layer, channel)


def test_published_resnet56_a_and_b():
    """Liu et al.: 125.49 M multiply-adds, 112.44 M (A) and 90.91 M (B), first convolution of each block."""
    space = channel_space(resnet56(10, 3), CIFAR)
    assert round(space.size({}).macs / 1e4) == 12549
    widths = sizes(space)

    def kept(ratios, skipped):
        counts, number = {}, 2
        for stage, ratio in enumerate(ratios, 1):
            for block in range(9):
                name = f"layer{stage}.{block}.conv1"
                counts[name] = widths[name] if number in skipped else int(widths[name] * (1 - Decimal(ratio)))
                number += 2
        return counts

    assert round(space.size(kept([".1"] * 3, {16, 20, 38, 54})).macs / 1e4) == 11244
    assert round(space.size(kept([".6", ".3", ".1"], {16, 18, 20, 34, 38, 54})).macs / 1e4) == 9091


def test_published_vgg16_a():
    """Liu et al.: 313.46 M -> 206.28 M multiply-adds, 14.99 M -> 5.40 M parameters."""
    space = channel_space(vgg16(10, 3), CIFAR)
    dense = space.size({})
    assert (round(dense.macs / 1e4), round(dense.params / 1e4)) == (31346, 1499)
    widths = [32, 64, 128, 128, 256, 256, 256, 256, 256, 256, 256, 256, 256, 512]
    small = space.size({group.name: width for group, width in zip(space.groups, widths, strict=True)})
    assert (round(small.macs / 1e4), round(small.params / 1e4)) == (20628, 540)


def test_published_resnet34():
    """Wang et al.: 3.663 G dense; removed = min(ceil(ratio n), n - 1) in the first convolution of every block."""
    space = channel_space(resnet34(100, 3), torch.zeros(1, 3, 224, 224))
    first = {name: n for name, n in sizes(space).items() if name.startswith("layer") and name.endswith("conv1")}
    assert len(first) == 16
    found = []
    for ratio in map(Decimal, ("0", ".1", ".3", ".5", ".7", ".9", ".95")):
        counts = {name: n - min(math.ceil(ratio * n), n - 1) for name, n in first.items()}
        found.append(round(space.size(counts).macs / 1e9, 3))
    assert found == [3.663, 3.300, 2.591, 1.900, 1.185, 0.477, 0.304]


def test_scores_are_summed_over_filters_and_reduced():
    """conv (2 channels) + shortcut (2 channels) are one group: [1, 2] and [10, 40] reduce by hand."""

    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.up = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 1), nn.ConvTranspose2d(2, 4, 1)
            self.fc = nn.Linear(4, 2)

        def forward(self, x):
            return self.fc(self.up(self.a(x) + self.b(x)).mean((2, 3)))

    space = channel_space(Sum(), torch.zeros(1, 3, 4, 4))
    assert space.layers == ("a", "b", "up")
    scores = {
        "a": torch.tensor([[1.0, 0, 0], [0, 1, 1]]).reshape(2, 3, 1, 1),
        "b": torch.tensor([10.0, 40.0]),
        "up": torch.arange(8.0).reshape(2, 4, 1, 1),  # [in, out]: a filter is a column
    }
    expected = {"mean": [5.5, 21.0], "sum": [11.0, 42.0], "max": [10.0, 40.0], "first": [1.0, 2.0]}
    for reduce, values in expected.items():
        found = space.group_scores(scores, reduce)
        assert found["a"].tolist() == values
        assert found["a"].dtype == torch.float64
        assert found["up"].tolist() == [4.0, 6.0, 8.0, 10.0]


def test_scores_follow_the_padding(zoo):
    """Option A: channels 2..7 of b2's 10 are the stem's; the group of b2 is the first two and the last two."""
    space = channel_space(*zoo("option-A"))
    scores = {layer: torch.zeros(len(space.units.sides[f"{layer}/out"])) for layer in space.layers}
    scores["b2"] = torch.arange(10.0)
    found = space.group_scores(scores, "sum")
    assert found["stem"].tolist() == [2, 3, 4, 5, 6, 7]
    assert found["b2"].tolist() == [0, 1, 8, 9]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a1": None}, "no scores for layer 'a1'"),
        ({"a1": torch.zeros(4)}, r"layer 'a1' must be finite, of its weight's shape or \[5\]"),
        ({"a1": torch.full((5,), math.nan)}, "layer 'a1' must be finite"),
    ],
)
def test_scores_that_do_not_fit(zoo, change, message):
    network, example = zoo("option-B")
    space = channel_space(network, example)
    scores = {layer: network.get_submodule(layer).weight for layer in space.layers} | change
    with pytest.raises(PruneError, match=message):
        space.group_scores({k: v for k, v in scores.items() if v is not None}, "mean")
    with pytest.raises(PruneError, match="unknown reduction 'men'; did you mean 'mean'"):
        space.group_scores({}, "men")


def test_batch_norm_directly_behind(zoo):
    assert channel_space(*zoo("option-A")).batch_norm_of == {"stem": "bn", "a2": "bn_a", "b2": "bn_b", "c2": "bn_c"}
    assert channel_space(*zoo("pre-activation")).batch_norm_of == {"stem": "bn1", "c1": "bn2"}


def test_spared_layers_stay_with_all_that_is_coupled(zoo):
    network, example = zoo("option-B")
    assert sizes(channel_space(network, example, ("?1", "b"))) == {"stem": 6, "c2": 14}
    with pytest.raises(PruneError, match="unknown layer to spare 'steam'; did you mean 'stem'"):
        channel_space(network, example, ("steam",))


def test_classifier_is_the_last_linear_layer(zoo):
    """A hidden linear layer is not it; a network without linear layers has none, and nothing to complain about."""
    assert "7" in sizes(channel_space(*zoo("plain"), ("classifier",)))
    assert sizes(channel_space(*zoo("hourglass"), ("classifier",))) == GROUPS["hourglass"]


def test_counts_and_plans_that_do_not_fit(zoo):
    space = channel_space(*zoo("plain"))
    with pytest.raises(PruneError, match="unknown group of channels"):
        space.size({"conv1": 3})
    with pytest.raises(PruneError, match="unknown group of channels"):
        space.plan({"conv1": torch.tensor([0])})
    for wrong in ([], [6], [1, 0], [1, 1], [-1, 2]):
        with pytest.raises(PruneError, match="group '0' must be 1 to 6 sorted, distinct indices"):
            space.plan({"0": torch.tensor(wrong, dtype=torch.int64)})
    assert space.plan({"0": torch.arange(6)}).kept == {}


class Net(nn.Module):
    """A convolution, something in between, and a head."""

    def __init__(self, between, inputs=6):
        super().__init__()
        self.conv, self.fc, self.between = nn.Conv2d(3, 6, 3, padding=1), nn.Linear(inputs, 4), between

    def forward(self, x):
        return self.fc(self.between(self.conv(x)))


IMAGE = torch.zeros(1, 3, 8, 8)


def test_an_unknown_operation_is_refused_and_sparing_helps():
    network = Net(lambda x: torch.fft.fft(x).abs().mean((2, 3)))
    with pytest.raises(
        NetworkError, match=r"'fft_fft' \(function fft_fft\) is unknown .* spare the layers .* \(conv\)"
    ):
        channel_space(network, IMAGE)
    assert sizes(channel_space(network, IMAGE, ("conv",))) == {}


@pytest.mark.parametrize(
    "between",
    [
        lambda x: x.view(-1, 6 * 64),
        lambda x: x.reshape(x.size(0), 384),
        lambda x: F.pad(x, (0, 0, 0, 0, 1, 1)).mean((2, 3)),
        lambda x: x[:, :4].mean((2, 3)),
        lambda x: x.chunk(2, 1)[0].flatten(1),
        lambda x: F.softmax(x, 1).mean((2, 3)),
        lambda x: x.mean(1).flatten(1),
        lambda x: x[:, :, :6].mean(1).flatten(1),  # as many rows as channels
        lambda x: (x * torch.arange(6).reshape(6, 1, 1)).mean((2, 3)),
        lambda x: (x - x.mean(1, keepdim=True)).flatten(1),
        lambda x: x.mean((2, 3)) * x.shape[1] ** -0.5,
        lambda x: F.adaptive_avg_pool2d(x, 1).squeeze(),
        lambda x: x.flatten(2).transpose(1, 2) @ x.flatten(2),
        lambda x: x.mean((2, 3)) + x.new_zeros(x.shape[0], x.shape[1]),
    ],
)
def test_channels_that_meet_sizes_or_each_other_stay(between):
    with torch.no_grad():
        features = between(torch.zeros(2, 6, 8, 8)).shape[-1]
    assert sizes(channel_space(Net(between, features), IMAGE)) == {}


@pytest.mark.parametrize(
    "between",
    [
        lambda x: x.view(x.size(0), -1),
        lambda x: x.flatten(1),
        lambda x: x.reshape(x.shape[0], x.shape[1] * x.shape[2] * x.shape[3]),
        lambda x: F.max_pool2d(x, 8).squeeze(3).squeeze(2),
        lambda x: x.transpose(1, 3).mean((1, 2)),
        lambda x: (x * 2 + 1).relu_().clamp(max=5).sum((-1, -2)),
        lambda x: (x * x.mean((2, 3), keepdim=True).expand(-1, -1, 8, 8)).amax((2, 3)),
        lambda x: x[:, :, ::2, 3].amax(2),
        lambda x: (x * x.new_empty(x.shape[0], 1, 1, 1).bernoulli_(0.5)).mean((2, 3)),
        lambda x: F.interpolate(x, scale_factor=2).view(x.shape[0], x.shape[1], -1).std(2),
        lambda x: torch.cat([x, x.neg()], dim=2).mean((2, 3)),
        lambda x: x.unsqueeze(1).squeeze(1).contiguous().mean([2, 3]),
    ],
)
def test_channels_that_pass(between):
    with torch.no_grad():
        features = between(torch.zeros(2, 6, 8, 8)).shape[-1]
    assert sizes(channel_space(Net(between, features), IMAGE)) == {"conv": 6}


class Sizes(nn.Module):
    """Sizes of one tensor shape another: their channels go together although nothing adds them."""

    def __init__(self, use):
        super().__init__()
        self.a, self.b, self.fc, self.use = nn.Conv2d(3, 6, 1), nn.Linear(3, 6), nn.Linear(6, 4), use

    def forward(self, x):
        a, b = self.a(x), self.b(x.mean((2, 3)))
        return self.fc(self.use(a, b).amax((2, 3)))


@pytest.mark.parametrize(
    ("use", "groups"),
    [
        (lambda a, b: b.view(a.shape[0], a.shape[1], 1, 1), {"a": ("a", "b")}),
        (lambda a, b: b.unsqueeze(2).unsqueeze(3).expand(a.shape), {"a": ("a", "b")}),
        (lambda a, b: b.view(b.shape[0], b.shape[1], 1, 1).expand(-1, a.size(1), -1, -1), {"a": ("a", "b")}),
        (lambda a, b: a[:, :, : b.size(1)], {"a": ("a",)}),
    ],
)
def test_sizes_taken_from_another_tensor(use, groups):
    assert layers(channel_space(Sizes(use), IMAGE)) == groups


def test_parameters_used_past_their_module():
    class Past(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c, self.fc = (
                nn.Conv2d(3, 3, 1),
                nn.Conv2d(3, 3, 1),
                nn.Conv2d(3, 5, 1),
                nn.Linear(5, 4),
            )

        def forward(self, x):
            return self.fc(self.c(F.conv2d(self.b(self.a(x)), self.b.weight)).mean((2, 3)))

    assert layers(channel_space(Past(), IMAGE)) == {"c": ("c",)}


def test_parametrised_layers_stay(zoo):
    network, example = zoo("plain")
    nn.utils.parametrizations.weight_norm(network[4])
    assert sizes(channel_space(network, example)) == {"7": 9}


def test_operations_that_hold_channels_are_named():
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.ReLU(), nn.Conv2d(4, 6, 3), nn.ReLU(), nn.Conv2d(6, 6, 1, groups=3)
    )
    space = channel_space(network, IMAGE)
    assert space.held == ("module '1' (GroupNorm)", "module '5' (Conv2d)")
    assert sizes(space) == {}
    assert channel_space(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 6, 3)), IMAGE).held == ()


def test_a_map_without_values_is_refused():
    with torch.device("meta"):
        network = resnet20(10, 3)
    with pytest.raises(NetworkError, match="is on the meta device, where its map of channels has no values"):
        channel_space(network, CIFAR)


def test_a_number_of_channels_written_in_the_forward_is_refused():
    class Asserts(Net):
        def forward(self, x):
            torch._assert(self.conv(x).shape[1] == 6, "six channels")
            return super().forward(x)

    with pytest.raises(NetworkError, match="does not run with fewer channels"):
        channel_space(Asserts(lambda x: x.mean((2, 3))), IMAGE)


def test_the_network_is_untouched(zoo):
    network, example = zoo("option-A")
    network.train()
    network.bn.eval()
    flags = [module.training for module in network.modules()]
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    random = torch.random.get_rng_state()
    channel_space(network, example)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert flags == [module.training for module in network.modules()]
    assert torch.equal(random, torch.random.get_rng_state())
    assert all(p.grad is None for p in network.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
