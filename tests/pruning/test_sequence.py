"""Group after group: what each one sees, what is kept, what is mended, and what it costs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairprune.errors import PruneError, SpecError
from fairprune.measure.cost import count
from fairprune.networks.lenet import lenet5
from fairprune.networks.resnet_cifar import ResNet
from fairprune.pruning.allocation import Allocation, given, global_, like, uniform
from fairprune.pruning.apply import load_weights_
from fairprune.pruning.criterion import Context, Criterion, Scored, Scores, criterion
from fairprune.pruning.granularity.channels import ChannelSpace, channel_space
from fairprune.pruning.granularity.remove import remove_channels
from fairprune.pruning.granularity.weights import weight_space
from fairprune.pruning.repair import Remaining, Repair, repair
from fairprune.pruning.repairs.least_squares import least_squares
from fairprune.pruning.sequence import Walked, counts_ahead, repair_along, walk
from fairprune.spec import Target


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


class Calibration:
    """Batches that count how often they are asked for."""

    def __init__(self, *batches: Tensor) -> None:
        self.batches, self.calls = batches, 0

    def __call__(self) -> Iterator[tuple[Tensor, Tensor]]:
        self.calls += 1
        return ((batch, torch.zeros(len(batch), dtype=torch.int64)) for batch in self.batches)


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return lenet5(10, 1)


@pytest.fixture
def space(network: nn.Module) -> ChannelSpace:
    return channel_space(network, torch.zeros(1, 1, 28, 28))


@pytest.fixture
def batches() -> Calibration:
    images = drawn(12, 1, 28, 28)
    return Calibration(images[:8], images[8:])


def sequential(function: Callable[[Context], Scores | Scored], **declared: object) -> Criterion:
    def mine(context: Context) -> Scores | Scored:
        return function(context)

    return criterion(**{"needs": ("taps",), "scope": "sequence", "granularities": ("channel",), **declared})(mine)


def by_index(context: Context) -> Scores:
    """The first channels stay."""
    return {name: -torch.arange(float(len(weight))) for name, weight in context.weights.items()}


def small(network: nn.Module, space: ChannelSpace, walked: Walked) -> nn.Module:
    mended = copy.deepcopy(network)
    load_weights_(mended, walked.weights)
    return remove_channels(mended, space.plan(walked.kept)).eval()


COUNTS = {"conv1": 4, "conv2": 9, "fc1": 50, "fc2": 40}


def test_so_many_units_of_each_group_are_kept(network: nn.Module, space: ChannelSpace, batches: Calibration) -> None:
    walked = walk(network, space, sequential(by_index), {}, COUNTS, batches=batches, seed=0)
    assert {name: kept.tolist() for name, kept in walked.kept.items()} == {n: list(range(c)) for n, c in COUNTS.items()}
    assert walked.weights == {}
    assert small(network, space, walked)(drawn(2, 1, 28, 28)).shape == (2, 10)


def test_every_group_sees_the_network_pruned_before_it(
    network: nn.Module, space: ChannelSpace, batches: Calibration
) -> None:
    seen: list[Context] = []

    def looks(context: Context) -> Scores:
        seen.append(context)
        return by_index(context)

    walked = walk(network, space, sequential(looks), {}, COUNTS, batches=batches, seed=0)
    assert [list(context.weights) for context in seen] == [["conv1"], ["conv2"], ["fc1"], ["fc2"]]
    assert [list(context.taps) for context in seen] == [["conv2"], ["fc1"], ["fc2"], ["fc3"]]
    assert [context.count for context in seen] == list(COUNTS.values())
    only = {**walked.kept, "fc1": torch.arange(120), "fc2": torch.arange(84)}
    after_convolutions = remove_channels(network, space.plan(only)).eval()
    images = torch.cat([batch for batch, _ in batches()])
    with torch.no_grad():
        features = _before(after_convolutions, "fc2", images)
        dense = _before(network.eval(), "fc2", images)
    tap = seen[2].taps["fc2"]
    torch.testing.assert_close(tap.inputs[..., 0], features)
    torch.testing.assert_close(tap.outputs, dense @ network.get_submodule("fc2").weight.detach().T)
    assert torch.equal(tap.weight[..., 0], network.get_submodule("fc2").weight)


def _before(network: nn.Module, layer: str, images: Tensor) -> Tensor:
    found: list[Tensor] = []
    hook = network.get_submodule(layer).register_forward_pre_hook(lambda _, args: found.append(args[0]))
    network(images)
    hook.remove()
    return found[0]


def test_groups_that_keep_everything_cost_nothing(
    network: nn.Module, space: ChannelSpace, batches: Calibration
) -> None:
    everything = {group.name: group.size for group in space.groups}
    for counts in (everything, {}):
        options = {"batches": batches, "seed": 0, "repair": least_squares}
        walked = walk(network, space, sequential(by_index), {}, counts, **options)
        assert (walked.weights, walked.samples, walked.sample_passes, batches.calls) == ({}, 0, 0.0, 0)
        assert [len(kept) for kept in walked.kept.values()] == [6, 16, 120, 84]


@pytest.mark.parametrize(
    ("needs", "mended", "passes"), [(("taps",), True, 5), (("taps",), False, 5), ((), True, 5), ((), False, 0)]
)
def test_one_pass_for_each_layer_that_loses_inputs_and_one_for_the_dense_outputs(
    network: nn.Module, space: ChannelSpace, batches: Calibration, needs: tuple[str, ...], mended: bool, passes: int
) -> None:
    walked = walk(
        network,
        space,
        sequential(by_index, needs=needs),
        {},
        COUNTS,
        batches=batches,
        seed=0,
        repair=least_squares if mended else None,
    )
    assert batches.calls == passes
    assert walked.samples == (12 if passes else 0)
    assert walked.sample_passes == 12 * passes
    assert list(walked.weights) == (["conv2", "fc1", "fc2", "fc3"] if mended else [])


def test_the_network_stays_as_it_was(network: nn.Module, space: ChannelSpace, batches: Calibration) -> None:
    network.train()
    before, state = copy.deepcopy(network.state_dict()), torch.get_rng_state()
    walk(network, space, sequential(by_index), {}, COUNTS, batches=batches, seed=0, repair=least_squares)
    assert network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(parameter.requires_grad and parameter.grad is None for parameter in network.parameters())


def test_new_weights_are_zero_where_they_read_what_is_gone(
    network: nn.Module, space: ChannelSpace, batches: Calibration
) -> None:
    walked = walk(network, space, sequential(by_index), {}, COUNTS, batches=batches, seed=0, repair=least_squares)
    assert walked.weights["conv2"].shape == (16, 6, 5, 5)
    assert walked.weights["conv2"][:, 4:].abs().sum() == 0
    assert walked.weights["fc1"][:, 9 * 25 :].abs().sum() == 0
    assert walked.weights["fc1"][:, : 9 * 25].abs().min() > 0


def test_each_layer_is_mended_on_the_mended_ones_before_it(
    network: nn.Module, space: ChannelSpace, batches: Calibration
) -> None:
    walked = walk(network, space, sequential(by_index), {}, COUNTS, batches=batches, seed=0, repair=least_squares)
    pruned = small(network, space, walked)
    images = torch.cat([batch for batch, _ in batches()])
    with torch.no_grad():
        features, wanted = _before(pruned, "fc3", images), _before(network.eval(), "fc3", images)
        weight = pruned.get_submodule("fc3").weight
        missing = wanted @ network.get_submodule("fc3").weight.T - features @ weight.T
    # at the optimum what is missing is orthogonal to every input that remains (but for a small ridge)
    assert (features.T @ missing).abs().max() < 1e-3 * (features.T @ (features @ weight.T)).abs().max()


def test_one_seed_one_result_another_seed_other_locations(
    network: nn.Module, space: ChannelSpace, batches: Calibration
) -> None:
    run = partial(walk, network, space, sequential(by_index), {}, COUNTS, batches=batches, repair=least_squares)
    first, again, other = run(seed=0), run(seed=0), run(seed=1)
    assert all(torch.equal(first.weights[name], again.weights[name]) for name in first.weights)
    assert not torch.equal(first.weights["conv2"], other.weights["conv2"])


def test_a_choice_that_is_made_already_is_mended_alike(
    network: nn.Module, space: ChannelSpace, batches: Calibration
) -> None:
    walked = walk(network, space, sequential(by_index), {}, COUNTS, batches=batches, seed=0, repair=least_squares)
    along = repair_along(network, space, walked.kept, least_squares, {}, batches=batches, seed=0)
    assert along.sample_passes == walked.sample_passes
    assert walked.weights.keys() == along.weights.keys()
    assert all(torch.equal(walked.weights[name], along.weights[name]) for name in along.weights)
    partly = repair_along(network, space, {"fc1": torch.arange(9)}, least_squares, {}, batches=batches, seed=0)
    assert list(partly.weights) == ["fc2"]
    assert len(partly.kept["fc1"]) == 9
    assert len(partly.kept["conv1"]) == 6


def residual(shortcut: str = "A") -> tuple[nn.Module, ChannelSpace]:
    torch.manual_seed(0)
    network = ResNet(4, 3, 1, shortcut, (5, 6, 7)).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
    return network, channel_space(network, torch.zeros(1, 3, 8, 8))


@pytest.mark.parametrize("shortcut", ["A", "B"])
def test_a_residual_network_stream_included(shortcut: str) -> None:
    network, space = residual(shortcut)
    shown: dict[str, list[str]] = {}

    def looks(context: Context) -> Scores:
        shown["+".join(context.weights)] = list(context.taps)
        return by_index(context)

    counts = {group.name: (group.size + 1) // 2 for group in space.groups}
    batches = Calibration(drawn(20, 3, 8, 8))
    walked = walk(network, space, sequential(looks), {}, counts, batches=batches, seed=0, repair=least_squares)
    assert {name: len(kept) for name, kept in walked.kept.items()} == counts
    assert len(shown) == len(space.groups)
    assert max(map(len, shown.values())) > 2  # a stream has many readers
    readers = {layer for taps in shown.values() for layer in taps}
    assert walked.weights.keys() == readers
    assert batches.calls == len(readers) + 1
    plain = remove_channels(network, space.plan(walked.kept)).eval()
    images = drawn(20, 3, 8, 8)
    with torch.no_grad():
        off = [(other(images) - network(images)).square().mean() for other in (small(network, space, walked), plain)]
    assert off[0] < off[1] / 2


def test_a_copy_of_a_channel_goes_without_loss() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1), nn.ReLU())
    with torch.no_grad():
        network[0].weight[3], network[0].bias[3] = 2 * network[0].weight[1], 2 * network[0].bias[1]
    space = channel_space(network, torch.zeros(1, 2, 6, 6), ())
    images = drawn(16, 2, 6, 6)
    kept = {space.groups[0].name: torch.arange(3)}
    walked = repair_along(network, space, kept, least_squares, {}, batches=Calibration(images), seed=0)
    with torch.no_grad():
        torch.testing.assert_close(small(network, space, walked)(images), network(images), rtol=1e-3, atol=1e-4)
    expected = network[2].weight[:, 1] + 2 * network[2].weight[:, 3]
    torch.testing.assert_close(walked.weights["2"][:, 1], expected, rtol=1e-3, atol=1e-3)


def test_layers_that_only_run_in_training_are_passed_over() -> None:
    class Auxiliary(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.main, self.extra = nn.Linear(4, 6), nn.Linear(6, 3), nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = F.relu(self.stem(x))
            return self.main(x) + self.extra(x) if self.training else self.main(x)

    torch.manual_seed(0)
    network = Auxiliary()
    space = channel_space(network, torch.zeros(1, 4), ())
    batches = Calibration(drawn(20, 4))
    walked = walk(network, space, sequential(by_index), {}, {"stem": 3}, batches=batches, seed=0, repair=least_squares)
    assert list(walked.weights) == ["main"]
    assert walked.kept["stem"].tolist() == [0, 1, 2]


def flat(space: ChannelSpace) -> dict[str, Tensor]:
    return {group.name: torch.zeros(group.size) for group in space.groups}


@pytest.mark.parametrize(
    ("name", "allocate"),
    [
        ("uniform", uniform),
        ("given", partial(given, ratios={"conv1": 0.5, "conv2": 0.3, "fc1": 0.0, "fc2": 0.1})),
        ("like", partial(like, counts=COUNTS)),
    ],
)
def test_allocations_that_need_no_scores(
    network: nn.Module, space: ChannelSpace, name: str, allocate: Allocation
) -> None:
    dense = count(network, torch.zeros(1, 1, 28, 28)).size
    found = counts_ahead(space, name, allocate, Target(axis="ratio", value=0.4), dense)
    assert found.counts == allocate(flat(space), found.keep, 1)
    assert found.size == space.size(found.counts)


def test_an_allocation_that_needs_scores_is_refused(network: nn.Module, space: ChannelSpace) -> None:
    dense = count(network, torch.zeros(1, 1, 28, 28)).size
    with pytest.raises(PruneError, match=r"allocation .global. compares scores across layers.*uniform, given, like"):
        counts_ahead(space, "global", global_, Target(axis="speedup", value=2), dense)


def no_scores(_: Context) -> Scores:
    return {}


def too_many(context: Context) -> Scores:
    return {name: torch.zeros(len(weight) + 1) for name, weight in context.weights.items()}


def undefined(context: Context) -> Scores:
    return {name: torch.full((len(weight),), torch.nan) for name, weight in context.weights.items()}


def greedy_for_more(context: Context) -> Scores:
    return {name: context.gradients[name] for name in context.weights}


def with_weights(context: Context) -> Scored:
    return Scored(by_index(context), dict(context.weights))


@pytest.mark.parametrize(
    ("rule", "counts", "message"),
    [
        (sequential(by_index, scope="layer"), COUNTS, "expected scope 'sequence' and no need but 'taps'"),
        (sequential(by_index, needs=("taps", "gradients")), COUNTS, "got scope 'sequence' and needs"),
        (sequential(by_index), {"conv9": 1}, "unknown group of channels 'conv9'; did you mean 'conv"),
        (sequential(by_index), {"conv1": 7}, "group 'conv1': expected 1 to 6, got 7"),
        (sequential(by_index), {"conv1": 0}, "group 'conv1': expected 1 to 6, got 0"),
        (sequential(no_scores), COUNTS, "expected scores of the layers conv1, got none"),
        (sequential(too_many), COUNTS, "scores of layer 'conv1' have shape"),
        (sequential(undefined), COUNTS, "6 values that are NaN"),
        (sequential(greedy_for_more), COUNTS, "reads gradients without declaring it"),
        (sequential(with_weights), COUNTS, "returned weights: under scope 'sequence' these come from a repair"),
    ],
)
def test_what_does_not_fit_is_refused(
    network: nn.Module,
    space: ChannelSpace,
    batches: Calibration,
    rule: Criterion,
    counts: Mapping[str, int],
    message: str,
) -> None:
    with pytest.raises(PruneError, match=message):
        walk(network, space, rule, {}, counts, batches=batches, seed=0)


def test_options_of_criterion_and_repair_are_checked(
    network: nn.Module, space: ChannelSpace, batches: Calibration
) -> None:
    rule, options = sequential(by_index), {"batches": batches, "seed": 0, "repair": least_squares}
    with pytest.raises(SpecError, match="unknown option of criterion 'mine' 'power'"):
        walk(network, space, rule, {"power": 2}, COUNTS, **options)
    with pytest.raises(SpecError, match="unknown option of repair 'least_squares' 'rigde'; did you mean 'ridge'"):
        walk(network, space, rule, {}, COUNTS, **options, repair_options={"rigde": 2})


def mine(function: Callable[[Context, Remaining], Mapping[str, Tensor]], needs: tuple[str, ...] = ("taps",)) -> Repair:
    def mender(context: Context, remaining: Remaining) -> Mapping[str, Tensor]:
        return function(context, remaining)

    return repair(needs=needs, paper="none", granularities=("channel",))(mender)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (mine(lambda *_: {}, needs=()), r"needs \[\]: layer after layer there are only taps"),
        (mine(lambda c, _: {"conv1": c.weights["conv2"]}), "returned weights for unknown layer 'conv1'"),
        (mine(lambda c, _: {name: w[:1] for name, w in c.weights.items()}), "weights of layer 'conv2' have shape"),
        (mine(lambda c, _: {name: w / 0 for name, w in c.weights.items()}), "values that are NaN or infinite"),
        (mine(lambda c, _: c.activations), "repair 'mender' reads activations without declaring it"),
    ],
)
def test_repairs_that_do_not_fit_are_refused(
    network: nn.Module, space: ChannelSpace, batches: Calibration, rule: Repair, message: str
) -> None:
    with pytest.raises(PruneError, match=message):
        repair_along(network, space, {"conv1": torch.arange(3)}, rule, {}, batches=batches, seed=0)


def test_what_a_repair_is_told(network: nn.Module, space: ChannelSpace, batches: Calibration) -> None:
    told: list[tuple[Context, Remaining]] = []
    rule = mine(lambda context, remaining: told.append((context, remaining)) or {})
    kept = {"conv1": torch.tensor([0, 2]), "conv2": torch.tensor([3])}
    walked = repair_along(network, space, kept, rule, {}, batches=batches, seed=0)
    assert [list(context.taps) for context, _ in told] == [["conv2"], ["fc1"]]
    context, remaining = told[0]
    assert torch.equal(context.weights["conv2"], network.get_submodule("conv2").weight)  # as before pruning
    assert context.taps["conv2"].weight[:, 1].abs().sum() == 0  # as it stands
    assert remaining["conv2"].flatten(2).all(2).all(0).tolist() == [True, False, True, False, False, False]
    assert torch.equal(walked.weights["conv2"], network.get_submodule("conv2").weight.detach() * remaining["conv2"])
    assert remaining["conv2"].shape == (16, 6, 5, 5)


def test_what_a_repair_says_about_removed_inputs_is_ignored(
    network: nn.Module, space: ChannelSpace, batches: Calibration
) -> None:
    ones = mine(lambda context, _: {name: torch.ones_like(weight) for name, weight in context.weights.items()})
    walked = repair_along(network, space, {"conv1": torch.tensor([1])}, ones, {}, batches=batches, seed=0)
    assert walked.weights["conv2"].sum((0, 2, 3)).tolist() == [0, 16 * 25, 0, 0, 0, 0]


def test_single_weights_have_no_taps(network: nn.Module, batches: Calibration) -> None:
    weights = weight_space(network, count(network, torch.zeros(1, 1, 28, 28)).layers)
    with pytest.raises(PruneError, match="taps show channels: expected granularity 'channel', got 'weight'"):
        walk(network, weights, sequential(by_index), {}, {}, batches=batches, seed=0)
