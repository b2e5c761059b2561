"""Block spaces: which blocks there are, what removing them saves, and that the rest computes what it did before."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from fairprune import registry
from fairprune.errors import NetworkError, PruneError
from fairprune.measure import shadow
from fairprune.measure.cost import count
from fairprune.networks.channel_pad import ChannelPad
from fairprune.networks.initialise import initialise
from fairprune.networks.preresnet import PreResNet
from fairprune.pruning.allocation import global_, uniform
from fairprune.pruning.apply import combined, planned, pruned, space_of
from fairprune.pruning.criterion import Context
from fairprune.pruning.granularity.blocks import block_space
from fairprune.pruning.granularity.residual import remove_blocks, residuals
from fairprune.pruning.plan import BlockPlan, ChannelPlan, DensePlan, MaskPlan, from_tensors, to_tensors
from fairprune.pruning.target import reach
from fairprune.record import Size
from fairprune.spec import Target

IMAGE = torch.randn(2, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


class Basic(nn.Module):
    """As torchvision writes it: activations in place, the addition in place, `downsample` only where needed."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1), nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x):
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class Padded(nn.Module):
    """Pre-activation, a padded shortcut from the activated input (as in the first block of a stage)."""

    def __init__(self):
        super().__init__()
        self.bn, self.conv, self.pad = nn.BatchNorm2d(6), nn.Conv2d(6, 10, 3, 2, 1), ChannelPad(6, 10)

    def forward(self, x):
        x = F.relu(self.bn(x))
        return torch.add(self.pad(x), self.conv(x))


class Inverted(nn.Module):
    """As MobileNet V2 writes it: the branch is one sequence, and where the width changes there is no shortcut."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.same = inputs == outputs
        self.conv = nn.Sequential(
            *(nn.Conv2d(inputs, 12, 1, bias=False), nn.BatchNorm2d(12), nn.ReLU6(True)),
            *(nn.Conv2d(12, 12, 3, 1, 1, groups=12), nn.Conv2d(12, outputs, 1), nn.BatchNorm2d(outputs)),
        )

    def forward(self, x):
        return x + self.conv(x) if self.same else self.conv(x)


class Scaled(nn.Module):
    """As ConvNeXt: a scale per channel, a parameter of the block itself; squeeze and excitation inside."""

    def __init__(self, width):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width, 1, 1))
        self.depth, self.point = nn.Conv2d(width, width, 3, 1, 1, groups=width), nn.Conv2d(width, width, 1)
        self.gate = nn.Conv2d(width, width, 1)

    def forward(self, x):
        branch = self.point(F.gelu(self.depth(x)))
        branch = branch * self.gate(F.adaptive_avg_pool2d(branch, 1)).sigmoid()
        return x.add(F.dropout(self.scale * branch, 0.1, self.training))


class Encoder(nn.Module):
    """Two residual branches in one module, as in a transformer; products of activations among them."""

    def __init__(self, width):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 7), nn.GELU(), nn.Linear(7, width))

    def forward(self, x):
        y = self.ln1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.ln2(x))


class Tokens(nn.Module):
    """Images to tokens, which get positions: an addition without a branch."""

    def __init__(self):
        super().__init__()
        self.patch, self.places = nn.Conv2d(3, 6, 4, 4), nn.Parameter(torch.ones(1, 4, 6))

    def forward(self, x):
        return self.patch(x).flatten(2).transpose(1, 2) + self.places


class Mean(nn.Module):
    def forward(self, x):
        return x.mean(1)


def stages():
    stages = [nn.Sequential(Basic(6, 6), Basic(6, 6)), nn.Sequential(Basic(6, 10, 2), Basic(10, 10), Basic(10, 10))]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(10, 4)]
    return nn.Sequential(nn.Conv2d(3, 6, 3, 1, 1), nn.ReLU(), *stages, *head)


def mixed():
    blocks = [nn.Conv2d(3, 6, 1), Padded(), Scaled(10), Inverted(10, 6), Inverted(6, 6), Inverted(6, 6)]
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))


def encoder():
    return nn.Sequential(Tokens(), Encoder(6), Encoder(6), Mean(), nn.Linear(6, 4))


# network -> group -> (blocks, what removing one saves at 8x8: parameters, multiply-adds)
NETWORKS = {
    stages: {
        "2.0": (2, 2 * 6 * 6 * 9 + 6 + 24, 2 * 6 * 6 * 9 * 64),
        "3.0": (1, 16 * 10 * 9 + 10 + 40, 16 * 10 * 9 * 16),
        "3.1": (2, 20 * 10 * 9 + 10 + 40, 20 * 10 * 9 * 16),
    },
    mixed: {
        "1": (1, 6 * 10 * 9 + 10, 6 * 10 * 9 * 16),  # the batch norm also feeds the shortcut, and stays
        "2": (1, 10 + 100 + 2 * 110, 90 * 16 + 100 * 16 + 100),
        "4": (2, 72 + 24 + 120 + 78 + 12, (72 + 108 + 72) * 16),
    },
    # multiply-adds: four projections and two products of 4 tokens with 4 in attention, two linear layers
    encoder: {"1": (2, 24 + 126 + 42 + 49 + 48, 4 * 36 * 4 + 2 * 16 * 6 + 2 * 42 * 4)},
}


@pytest.fixture(params=NETWORKS, ids=lambda make: make.__name__)
def built(request, randomise):
    """Each of the networks above, with what its space should be."""
    return randomise(request.param()), NETWORKS[request.param]


def chosen(space, bits):
    """Kept blocks, by the bits of a number."""
    kept, place = {}, 0
    for group in space.groups:
        kept[group.name] = torch.tensor([i for i in range(group.size) if bits >> (place + i) & 1], dtype=torch.int64)
        place += group.size
    return kept


def silenced(network, ends, example):
    """What the network yields when these modules, the last ones of residual branches, yield zeros."""
    dense = copy.deepcopy(network)
    for name in ends:
        dense.get_submodule(name).register_forward_hook(
            lambda _module, _args, out: (torch.zeros_like(out[0]), None) if isinstance(out, tuple) else 0 * out
        )
    with torch.no_grad():
        return dense(example)


def test_groups_and_what_blocks_save(built):
    network, expected = built
    space = block_space(network, IMAGE)
    found = {g.name: (g.size, space.saved[g.name].params, space.saved[g.name].macs) for g in space.groups}
    assert found == expected
    assert (space.granularity, space.minimum, space.batch_norm_of) == ("block", 0, {})


@pytest.mark.parametrize("small", [0, 10**9])
def test_size_is_the_count_of_the_pruned_network(built, small, monkeypatch):
    """For every choice of blocks; whether a shadow or a copy is run."""
    monkeypatch.setattr(shadow, "SMALL_NETWORK", small)
    network, _ = built
    space = block_space(network, IMAGE)
    assert space.size({}) == count(network, IMAGE).size

    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.integers(0, 2**6 - 1))
    def holds(bits):
        kept = chosen(space, bits)
        found = count(remove_blocks(network, space.plan(kept).removed), IMAGE).size
        assert space.size({name: len(units) for name, units in kept.items()}) == found

    holds()


ENDS = {
    stages: ("2.0.bn2", "2.1.bn2", "3.0.bn2", "3.2.bn2"),
    mixed: ("1.conv", "2.scale", "4.conv", "5.conv"),
    encoder: ("1.attention", "1.mlp", "2.attention", "2.mlp"),
}


@pytest.mark.parametrize("make", ENDS, ids=lambda make: make.__name__)
def test_removed_equals_silenced(make, randomise):
    network = randomise(make())
    blocks = {end.rpartition(".")[0] for end in ENDS[make]}
    for gone in ({block} for block in sorted(blocks)) if make is not mixed else ({"1"}, {"4"}, {"4", "5"}):
        expected = silenced(network, [end for end in ENDS[make] if end.rpartition(".")[0] in gone], IMAGE)
        with torch.no_grad():
            found, whole = remove_blocks(network, gone)(IMAGE), network(IMAGE)
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
        assert not torch.allclose(found, whole)  # the comparison could not pass by doing nothing


def test_a_branch_with_a_parameter_of_its_own(randomise):
    network = randomise(mixed())
    zeroed = copy.deepcopy(network)
    torch.nn.init.zeros_(zeroed[2].scale)
    with torch.no_grad():
        torch.testing.assert_close(remove_blocks(network, ["2"])(IMAGE), zeroed(IMAGE), rtol=1e-12, atol=1e-12)


SHIPPED = {
    "resnet20": 9, "resnet32": 15, "resnet44": 21, "resnet56": 27, "resnet110": 54, "preresnet110": 54,
    "preresnet164": 54, "resnet18": 8, "resnet34": 16, "resnet50": 16,
}  # fmt: skip


FAST = ("resnet20", "resnet18")


@pytest.mark.parametrize(
    "name", ["small", *(n if n in FAST else pytest.param(n, marks=pytest.mark.slow) for n in SHIPPED)]
)
def test_shipped_networks(name, randomise):
    """All blocks are found; every third removed, among them some with padding or projection, is every third silent."""
    small = name == "small"
    network = randomise(PreResNet(10, 3, 2, bottleneck=True) if small else registry.load("network", name)(10, 3))
    space = block_space(network, IMAGE)
    blocks = [block for group in space.groups for block in space.blocks[group.name]]
    assert len(blocks) == (6 if small else SHIPPED[name])
    assert not any(layer.partition(".")[0] in ("conv1", "linear", "fc") for layer in space.layers)
    assert not any("shortcut" in layer or "downsample" in layer for layer in space.layers)
    gone = blocks[::3] + [block for block in ("layer2.0",) if block not in blocks[::3]]
    last = max(int(layer[-1]) for layer in space.layers)
    kind = "bn" if name.startswith("resnet") else "conv"  # the last module of a branch
    small = remove_blocks(network, gone)
    with torch.no_grad():
        found = small(IMAGE)
    assert found.isfinite().all()
    assert found.std() > 0
    expected = silenced(network, [f"{block}.{kind}{last}" for block in gone], IMAGE)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    kept = {g.name: [i for i, b in enumerate(space.blocks[g.name]) if b not in gone] for g in space.groups}
    assert space.plan({name: torch.tensor(k, dtype=torch.int64) for name, k in kept.items()}).removed.keys() == {*gone}
    assert space.size({name: len(k) for name, k in kept.items()}) == count(small, IMAGE).size


def test_option_b_keeps_its_projection():
    network = registry.load("network", "resnet20")(10, 3, shortcut="B")
    small = remove_blocks(network, ["layer2.0"])
    gone = set(network.state_dict()) - set(small.state_dict())
    assert {name.rpartition(".")[0] for name in gone} == {f"layer2.0.{m}" for m in ("conv1", "bn1", "conv2", "bn2")}
    assert len(gone) == 2 + 2 * 5
    assert "layer2.0.shortcut.0.weight" in small.state_dict()


def test_the_original_is_untouched_and_the_rest_can_be_trained(randomise):
    network = randomise(stages()).train()
    network[3][1].eval()
    network[3][0].downsample[0].weight.requires_grad_(False)
    network(IMAGE).sum().backward()
    network[2].register_forward_hook(lambda *_: pytest.fail("a hook of the original ran"))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    small = remove_blocks(network, ["2.0", "3.0", "3.1"])
    assert [small[2][0].training, small[2][1].training, small[3][0].training, small[3][1].training] == [1, 1, 1, 0]
    assert not small[3][0].downsample[0].weight.requires_grad
    assert all(parameter.grad is None for parameter in small.parameters())
    small(IMAGE).sum().backward()  # the activation in place behind the addition must not write into the block's input
    assert small[2][1].conv1.weight.grad is not None
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    storages = {p.untyped_storage().data_ptr() for p in network.parameters()}
    assert storages.isdisjoint(p.untyped_storage().data_ptr() for p in small.parameters())
    initialise(small, 3)
    assert not torch.equal(small[2][1].conv1.weight, network[2][1].conv1.weight)


def test_a_network_comes_back_from_its_plan_and_state(randomise):
    network = randomise(stages())
    space = block_space(network, IMAGE)
    plan = from_tensors(*to_tensors(space.plan(chosen(space, 0b010101))))
    small = pruned(network, plan)
    again = planned(randomise(stages()), plan)
    again.load_state_dict(small.state_dict())
    assert torch.equal(again(IMAGE), small(IMAGE))
    assert torch.equal(copy.deepcopy(small)(IMAGE), small(IMAGE))


def test_a_plan_is_stored_as_tensors():
    plan = BlockPlan({"layer2.1": Size(params=3, macs=2**40), "layer1.0": Size(params=1, macs=2)})
    tensors, header = to_tensors(plan)
    assert header == {"format": "fairprune-plan", "version": "1", "kind": "blocks"}
    assert from_tensors(tensors, header) == plan
    assert from_tensors(*to_tensors(BlockPlan())) == BlockPlan()


def test_scores_of_layers_by_hand(randomise):
    """Wide layers count no more than narrow ones: means over each layer first."""
    space = block_space(randomise(stages()), IMAGE)
    assert space.layers[:2] == ("2.0.conv1", "2.0.conv2")
    scores = {layer: torch.full((2, 3), float(i)) for i, layer in enumerate(space.layers)}
    scores["3.0.conv1"] = torch.tensor([1.0, 2.0, 3.0, 6.0])  # one number for every unit: a mean of 3
    blocks = [[0, 1], [2, 3]], [[3, 5]], [[6, 7], [8, 9]]
    for reduce, rule in {"mean": lambda v: sum(v) / 2, "sum": sum, "max": max, "first": lambda v: v[0]}.items():
        found = space.group_scores(scores, reduce)
        assert [found[name].tolist() for name in ("2.0", "3.0", "3.1")] == [[rule(v) for v in g] for g in blocks]
        assert all(score.dtype == torch.float64 for score in found.values())


def test_scores_of_the_blocks_themselves(randomise):
    space = block_space(randomise(stages()), IMAGE)
    scores = {"2.0": torch.tensor([0.0, 2.0]), "3.0": torch.tensor([1.0]), "3.1": torch.tensor([0.5, 0.25])}
    assert {name: s.tolist() for name, s in space.group_scores(scores, "max").items()} == {
        "2.0": [0, 2], "3.0": [1], "3.1": [0.5, 0.25],
    }  # fmt: skip
    for wrong in ({"3.1": torch.ones(3)}, {"3.1": torch.ones(())}):
        with pytest.raises(PruneError, match=r"blocks '3.1': expected one per block, \[2\], got \["):
            space.group_scores(scores | wrong)
    del scores["3.1"]
    with pytest.raises(PruneError, match=r"blocks '3.1': expected one per block, \[2\], got none"):
        space.group_scores(scores)


def test_scores_that_do_not_fit(randomise):
    space = block_space(randomise(stages()), IMAGE)
    scores = {layer: torch.ones(2) for layer in space.layers}
    with pytest.raises(PruneError, match="unknown reduction 'men'; did you mean 'mean'"):
        space.group_scores(scores, "men")
    with pytest.raises(PruneError, match=r"scores of blocks '3.1' must be finite"):
        space.group_scores(scores | {"3.2.conv1": torch.tensor([1.0, math.nan])})
    del scores["3.2.conv1"]
    with pytest.raises(PruneError, match=r"no scores for layer '3.2.conv1', whose block"):
        space.group_scores(scores)


def test_random_draws_every_order_of_blocks_equally_often(randomise):
    """Wide or narrow, first or last: every block is removed first about as often as any other."""
    space = block_space(randomise(stages()), IMAGE)
    network, criterion = randomise(stages()), registry.load("criterion", "random")
    weights = {layer: network.get_submodule(layer).weight for layer in space.layers}
    first = [0] * 5
    for seed in range(500):
        context = Context(weights, torch.Generator().manual_seed(seed), "block")
        scores = torch.cat(list(space.group_scores(criterion(context).scores, "mean").values()))
        first[int(scores.argmin())] += 1
    assert all(abs(n - 100) < 4 * math.sqrt(80) for n in first)


def test_global_removes_the_lowest_of_all_and_reaches_a_target(randomise):
    network = randomise(stages())
    space = block_space(network, IMAGE)
    scores = {"2.0": torch.tensor([5.0, 1.0]), "3.0": torch.tensor([4.0]), "3.1": torch.tensor([2.0, 3.0])}
    dense = count(network, IMAGE).size
    choice = reach(space, scores, global_, Target(axis="ratio", value=0.4), dense)
    assert space.plan(choice.kept).removed.keys() == {"2.1", "3.1"}
    assert choice.size == count(pruned(network, space.plan(choice.kept)), IMAGE).size
    everything = reach(space, scores, global_, Target(axis="ratio", value=0.99), dense)
    assert everything.counts == {"2.0": 0, "3.0": 0, "3.1": 0}
    assert everything.size == space.rest


def test_uniform_rounds_up_per_stage(randomise):
    space = block_space(randomise(stages()), IMAGE, ("3.0",))
    scores = {group.name: torch.rand(group.size) for group in space.groups}
    assert uniform(scores, 0.5, space.minimum) == {"2.0": 1, "3.1": 1}


def test_a_second_round_knows_the_first(randomise):
    network = randomise(stages())
    whole = block_space(network, IMAGE)
    first = whole.plan({"2.0": torch.tensor([1]), "3.0": torch.tensor([], dtype=torch.int64)})
    small = pruned(network, first)
    space = space_of(small, first, IMAGE, "block", ("classifier",))
    assert [(g.name, g.size) for g in space.groups] == [(g.name, g.size) for g in whole.groups]
    assert [g.layers for g in space.groups] == [("2.1.conv1", "2.1.conv2"), (), whole.groups[2].layers]
    assert (space.rest, space.saved) == (whole.rest, whole.saved)
    assert space.size({}) == count(small, IMAGE).size
    scores = space.group_scores({layer: torch.ones(1) for layer in space.layers})
    assert {name: s.tolist() for name, s in scores.items()} == {
        "2.0": [-math.inf, 1],
        "3.0": [-math.inf],
        "3.1": [1, 1],
    }
    counts = global_(scores, 0.4, space.minimum)
    assert counts == {"2.0": 1, "3.0": 0, "3.1": 1}
    second = space.plan({"2.0": torch.tensor([1]), "3.1": torch.tensor([0])})
    assert second.removed.keys() == {"3.2"}
    both = combined(first, second)
    assert both.removed.keys() == {"2.0", "3.0", "3.2"}
    assert torch.equal(pruned(network, both)(IMAGE), pruned(small, second)(IMAGE))
    with pytest.raises(PruneError, match=r"group '3.0' must be sorted, distinct indices out of \[\]"):
        space.plan({"3.0": torch.tensor([0])})


@pytest.mark.parametrize("other", [MaskPlan(), ChannelPlan()])
def test_granularities_do_not_mix(other):
    with pytest.raises(PruneError, match="prune blocks first"):
        space_of(stages(), other, IMAGE.float(), "block", ())
    for first, second in ((other, BlockPlan()), (BlockPlan(), other)):
        with pytest.raises(PruneError, match="use one granularity for all rounds"):
            combined(first, second)
    assert combined(DensePlan(), BlockPlan()) == BlockPlan()


def test_spared_blocks_stay(randomise):
    network = randomise(stages())
    space = block_space(network, IMAGE, ("classifier", "2.*", "3.1.conv2", "0"))
    assert space.blocks == {"3.0": ("3.0",), "3.2": ("3.2",)}
    assert space.size({}) == count(network, IMAGE).size
    with pytest.raises(PruneError, match=r"unknown layer to spare '3.3'; did you mean '3.2'"):
        block_space(network, IMAGE, ("3.3",))


class Tie(nn.Module):
    """Two branches with as many layers each: neither is a shortcut."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.a(x) + self.b(x)


class Uneven(nn.Module):
    """Two branches, one longer than the other: a shortcut has one layer at most."""

    def __init__(self):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 3, 1))
        self.b = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 3, 1))

    def forward(self, x):
        return self.a(x) + self.b(x)


class Overwritten(nn.Module):
    """The branch activates its input in place, so the shortcut sees it activated."""

    def __init__(self):
        super().__init__()
        self.relu, self.conv = nn.ReLU(inplace=True), nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.conv(self.relu(x)) + x


class Moody(nn.Module):
    """What is left is another function in training: dropout on the shortcut, without a module."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return F.dropout(x, 0.5, self.training) + self.conv(x)


class Deciding(nn.Module):
    """Cannot be traced."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return x + self.conv(x) if x.sum() > 0 else x


class Plain(nn.Module):
    """Additions that are no blocks: of a constant, of a parameter, of the input without layers between."""

    def __init__(self):
        super().__init__()
        self.conv, self.bias, self.drop = nn.Conv2d(3, 3, 1), nn.Parameter(torch.ones(3, 1, 1)), nn.Dropout()

    def forward(self, x):
        return self.conv(x + self.drop(x)) + self.bias + 1


@pytest.mark.parametrize("block", [Tie, Uneven, Overwritten, Moody, Deciding, Plain])
def test_what_is_no_block(block):
    network = nn.Sequential(block(), nn.Flatten(), nn.Linear(192, 4))
    assert residuals(network) == {}
    with pytest.raises(PruneError, match=r"Sequential has no residual blocks .* prune channels or weights instead"):
        block_space(network, IMAGE.float())


def test_a_parametrised_layer_is_no_block():
    network = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)), nn.Flatten(), nn.Linear(144, 4))
    assert residuals(network) == {}


def test_networks_without_blocks():
    for name in ("vgg16", "densenet40"):
        with pytest.raises(PruneError, match="has no residual blocks to remove"):
            block_space(registry.load("network", name)(10, 3), torch.zeros(1, 3, 32, 32))


def test_blocks_inside_of_others_are_the_units(randomise):
    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(Basic(3, 3), Basic(3, 3))

        def forward(self, x):
            return x + self.body(x)

    network = randomise(nn.Sequential(Outer(), nn.Flatten(), nn.Linear(192, 4)))
    assert list(residuals(network)) == ["0.body.0", "0.body.1"]


def test_layers_before_the_fork_stay(randomise):
    class Late(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

        def forward(self, x):
            x = self.b(self.a(x))
            return self.c(x) + x

    network = randomise(nn.Sequential(Late(), nn.Flatten(), nn.Linear(192, 4)))
    assert residuals(network)["0"].layers == ("0.c",)
    assert torch.equal(remove_blocks(network, ["0"])[0](IMAGE), network[0].b(network[0].a(IMAGE)))


def test_where_a_factor_can_act(randomise):
    assert [block.branch for block in residuals(randomise(stages())).values()][:2] == ["2.0.bn2", "2.1.bn2"]
    found = residuals(randomise(mixed()))
    assert [(name, found[name].branch) for name in ("1", "2", "4")] == [("1", "1.conv"), ("2", None), ("4", "4.conv")]
    assert {block.additions for block in residuals(encoder()).values()} == {2}


def test_blocks_that_share_parameters_are_refused(randomise):
    network = randomise(stages())
    network[2][1].conv1.weight = network[2][0].conv1.weight
    with pytest.raises(NetworkError, match=r"cannot be removed one by one: .* share parameters"):
        block_space(network, IMAGE)
    twice = randomise(nn.Sequential(*[Basic(3, 3)] * 2, nn.Flatten(), nn.Linear(192, 4)))
    with pytest.raises(NetworkError, match="cannot be removed one by one"):
        block_space(twice, IMAGE)


def test_a_shortcut_that_would_be_broadcast_is_refused(randomise):
    class Wide(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)

        def forward(self, x):
            return x.mean((2, 3), keepdim=True) + self.conv(x)

    network = randomise(nn.Sequential(Wide(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4)))
    with pytest.raises(NetworkError, match=r"block '0' yields \[1, 3, 1, 1\] .* not \[1, 3, 8, 8\]: spare it"):
        block_space(network, IMAGE)


@pytest.mark.parametrize("name", ["2.2", "2", "0", "7", ""])
def test_plans_that_do_not_fit(name, randomise):
    with pytest.raises(PruneError, match=f"unknown residual block of a plan '{name}'"):
        remove_blocks(randomise(stages()), [name])


def test_units_that_do_not_fit(randomise):
    space = block_space(randomise(stages()), IMAGE)
    for kept in ([1, 0], [0, 0], [2], [-1]):
        with pytest.raises(PruneError, match=r"group '2.0' must be sorted, distinct indices out of \[0, 1\]"):
            space.plan({"2.0": torch.tensor(kept)})
    with pytest.raises(PruneError, match=r"unknown group of blocks '2.1'"):
        space.plan({"2.1": torch.tensor([0])})
    with pytest.raises(PruneError, match=r"unknown group of blocks '2.1'"):
        space.size({"2.1": 1})
