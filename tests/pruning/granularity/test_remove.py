"""A physically pruned network computes what the dense one does with the removed channels silenced."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from fairprune import registry
from fairprune.errors import PruneError
from fairprune.measure.cost import count
from fairprune.networks.channel_pad import ChannelPad
from fairprune.pruning.granularity.channels import channel_space
from fairprune.pruning.granularity.remove import compose, remove_channels
from fairprune.pruning.plan import ChannelPlan


def drawn(space, seed, least=1):
    """A random choice of units: any number from one to all, of every group."""
    draw = torch.Generator().manual_seed(seed)
    kept = {}
    for group in space.groups:
        number = int(torch.randint(min(least, group.size), group.size + 1, (), generator=draw))
        kept[group.name] = torch.randperm(group.size, generator=draw)[:number].sort().values
    return kept


def test_pruned_equals_silenced(graph, emulated):
    name, network, example = graph
    space = channel_space(network, example, ())
    assert space.groups
    for seed in range(4):
        plan = space.plan(drawn(space, seed))
        with torch.no_grad():
            found = remove_channels(network, plan)(example)
        torch.testing.assert_close(found, emulated(network, plan, example), rtol=1e-9, atol=1e-9, msg=name)


SHIPPED = {
    "lenet300": 1, "lenet5": 1, "lenet5_caffe": 1, "resnet20": 3, "preresnet164": 3, "vgg16": 3, "vgg19": 3,
    "densenet40": 3, "resnet18": 3, "resnet50": 3,
}  # fmt: skip


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_networks(name, emulated, randomise):
    network = randomise(registry.load("network", name)(10, SHIPPED[name]))
    side = 28 if SHIPPED[name] == 1 else 32
    example = torch.randn(2, SHIPPED[name], side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    space = channel_space(network, example)
    kept = drawn(space, 1)
    plan = space.plan(kept)
    small = remove_channels(network, plan)
    with torch.no_grad():
        found = small(example)
    assert found.isfinite().all()
    assert found.std() > 0
    torch.testing.assert_close(found, emulated(network, plan, example), rtol=1e-9, atol=1e-9)
    assert space.size({group: len(units) for group, units in kept.items()}) == count(small, example).size


def test_removal_changes_the_output(zoo):
    """The comparison above could not pass by doing nothing."""
    network, example = zoo("option-A")
    space = channel_space(network, example)
    small = remove_channels(network, space.plan(drawn(space, 0)))
    assert sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in network.parameters())
    assert not torch.allclose(small(example), network(example))


def test_size_is_the_count_of_the_pruned_network(graph):
    _, network, example = graph
    space = channel_space(network, example, ())
    assert space.size({}) == count(network, example).size

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.integers(0, 2**32))
    def holds(seed):
        kept = drawn(space, seed)
        small = remove_channels(network, space.plan(kept))
        assert space.size({group: len(units) for group, units in kept.items()}) == count(small, example).size

    holds()


def test_training_works_on_the_pruned_network(graph):
    _, network, example = graph
    space = channel_space(network, example, ())
    small = remove_channels(network, space.plan(drawn(space, 3))).train()
    small(example).sum().backward()
    unused = [n for n, p in small.named_parameters() if p.grad is None]
    assert unused == [n for n, p in gradients(network.train(), example) if p is None]


def gradients(network, example):
    network(example).sum().backward()
    return [(name, p.grad) for name, p in network.named_parameters()]


def test_reload_into_a_fresh_dense_network(graph, zoo):
    name, network, example = graph
    space = channel_space(network, example, ())
    plan = space.plan(drawn(space, 5))
    small = remove_channels(network, plan)
    fresh = remove_channels(zoo(name)[0], plan)
    for parameter in fresh.parameters():
        parameter.data.zero_()
    fresh.load_state_dict(small.state_dict())
    torch.testing.assert_close(fresh(example), small(example), rtol=0, atol=0)


def test_compose_is_removal_twice(graph):
    _, network, example = graph
    space = channel_space(network, example, ())
    first = space.plan(drawn(space, 7, least=2))
    once = remove_channels(network, first)
    again = channel_space(once, example, ())
    second = again.plan(drawn(again, 8))
    twice, direct = remove_channels(once, second), remove_channels(network, compose(first, second))
    assert {n: p.shape for n, p in twice.named_parameters()} == {n: p.shape for n, p in direct.named_parameters()}
    torch.testing.assert_close(direct(example), twice(example), rtol=0, atol=0)


def test_the_original_is_untouched_and_nothing_is_shared(zoo):
    network, example = zoo("option-A")
    network(example).sum().backward()
    network.bn_a.train()
    network.stem.weight.requires_grad_(False)
    network.fc.register_forward_hook(lambda *_: pytest.fail("a hook of the original ran"))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    plan = ChannelPlan({"a1/out": torch.tensor([0, 2]), "a2/in": torch.tensor([0, 2])})
    small = remove_channels(network, plan)
    small(example)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items() if "bn_a" not in name)
    assert (network.a1.out_channels, small.a1.out_channels, small.a2.in_channels) == (5, 2, 2)
    assert network.a1.weight.grad is not None
    assert all(p.grad is None for p in small.parameters())
    assert not small.stem.weight.requires_grad
    assert small.a1.weight.requires_grad
    assert small.bn_a.training
    assert not small.bn_b.training
    storages = {p.untyped_storage().data_ptr() for p in network.parameters()}
    assert storages.isdisjoint(p.untyped_storage().data_ptr() for p in small.parameters())


def test_attributes_follow(zoo):
    network, example = zoo("mobile")
    space = channel_space(network, example)
    small = remove_channels(network, space.plan({"point": torch.tensor([1, 4, 6])}))
    assert (small.depth.in_channels, small.depth.out_channels, small.depth.groups) == (3, 3, 3)
    assert (small.wide.in_channels, small.wide.out_channels, small.wide.groups) == (3, 6, 3)
    assert small.bn.num_features == 3
    assert small.squeeze.in_channels == 6
    assert small.excite.out_channels == 6
    assert torch.equal(small.wide.weight, network.wide.weight[[2, 3, 8, 9, 12, 13]])


def test_option_a_map_is_rewritten():
    """Dense map of 2 into 4 channels: [-, 0, 1, -]. Without input channel 0 and the first zero: [0, -]."""
    network = nn.Sequential(ChannelPad(2, 4))
    plan = ChannelPlan({"0/in": torch.tensor([1]), "0/out": torch.tensor([2, 3])})
    pad = remove_channels(network, plan)[0]
    assert pad.index.tolist() == [0, -1]
    assert (pad.in_channels, pad.out_channels) == (1, 2)
    x = torch.rand(1, 1, 4, 4)
    assert torch.equal(pad(x), torch.cat([x[:, :, ::2, ::2], torch.zeros(1, 1, 2, 2)], 1))


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        ({"steam/out": torch.tensor([0])}, "unknown module of a channel plan 'steam'; did you mean 'stem'"),
        ({"stem/out": torch.tensor([0, 6])}, "does not fit module 'stem'.*keeps position 6 of 6"),
        ({"": torch.tensor([0])}, "a Residual cannot be made smaller"),
    ],
)
def test_plans_that_do_not_fit(zoo, kept, message):
    with pytest.raises(PruneError, match=message):
        remove_channels(zoo("option-A")[0], ChannelPlan(kept))
