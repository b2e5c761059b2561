"""The library: networks of one's own, pruned, saved and loaded; what does not fit is said in one line."""

import copy
import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import fairprune as fp
from fairprune.errors import FairpruneError, PruneError, SpecError, StoreError
from fairprune.pruning.plan import DensePlan, to_tensors
from fairprune.tensors import write_tensors

EXAMPLE = torch.zeros(2, 1, 8, 8)


def network(width=8):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, width, 3),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Conv2d(width, 8, 3),
        nn.Flatten(),
        nn.Linear(128, 5),
    )


def batches():
    torch.manual_seed(1)
    yield from ((torch.randn(4, 1, 8, 8), torch.arange(4)) for _ in range(3))


class Endless(torch.utils.data.IterableDataset):
    """Without a length, as streams are."""

    def __iter__(self):
        return ((images[0], targets[0]) for images, targets in batches())


def test_targets_are_values_of_a_type_that_is_exported():
    target: fp.Target = fp.compression(2)
    assert target == fp.Target(axis="compression", value=2)
    assert copy.deepcopy(target) == pickle.loads(pickle.dumps(target)) == target
    with pytest.raises(SpecError, match=r'Target\(axis="speedup", value=2\), or fp.speedup\(2\)'):
        fp.Target("compression", 2)


@pytest.mark.parametrize(
    ("given", "target", "message"),
    [
        ((network(), EXAMPLE), 2, r"target 2: expected fp.speedup\(2\), fp.compression\(2\) or fp.ratio\(0.5\)"),
        ((network(), EXAMPLE), "speedup", "target 'speedup': expected fp.speedup"),
        ((network(), fp.speedup(2)), None, r"example_input is of type Target, expected Tensor: fp.prune\(network, "),
        ((EXAMPLE, network()), fp.speedup(2), "network is of type Tensor, expected Module"),
    ],
)
def test_what_is_in_anothers_place_is_named(given, target, message):
    with pytest.raises(FairpruneError, match=message):
        fp.prune(*given, target=target)


def test_a_criterion_refuses_layers_before_it_looks():
    looked, asked = [], []

    def check(shapes, samples, options):
        asked.append((dict(shapes), samples, options))
        if options["limit"] < 8:
            raise PruneError("layer '0' has too many filters")

    @fp.criterion(needs=("gradients",), granularities=("channel",), check=check)
    def wide(context, *, limit: int = 8):
        looked.append(limit)
        return {name: weight.abs() for name, weight in context.weights.items()}

    how = {"criterion": wide, "target": fp.ratio(0.5), "data": list(batches())}
    with pytest.raises(PruneError, match="layer '0' has too many filters"):
        fp.prune(network(), EXAMPLE, **how, limit=4)
    assert looked == []
    fp.prune(network(), EXAMPLE, **how)
    assert looked == [8, 8]  # layer by layer
    assert asked[1] == ({"0": torch.Size([8, 1, 3, 3]), "4": torch.Size([8, 8, 3, 3])}, 12, {"limit": 8})
    with pytest.raises(SpecError, match="did you mean 'limit'"):
        fp.prune(network(), EXAMPLE, **how, limits=4)


@pytest.mark.parametrize("granularity", ["channel", "weight"])
@pytest.mark.parametrize("training", [True, False])
def test_pruning_leaves_the_network_and_the_random_state_alone(granularity, training):
    net = network().train(training)
    before, modes = copy.deepcopy(net.state_dict()), [m.training for m in net.modules()]
    data = list(batches())
    torch.manual_seed(7)
    expected = torch.rand(2)
    torch.manual_seed(7)
    small = fp.prune(
        net, EXAMPLE, criterion="gradient_weight", target=fp.ratio(0.5), granularity=granularity, data=data
    )
    assert torch.equal(torch.rand(2), expected)
    assert [m.training for m in net.modules()] == modes
    assert small.training == training
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
    assert not hasattr(net, "fairprune")


@pytest.mark.parametrize("criterion", ["gradient_weight", "grasp"])  # one looks once, the other twice
def test_data_may_be_a_generator_a_list_or_a_loader_without_length(criterion):
    kinds = [batches(), list(batches()), torch.utils.data.DataLoader(Endless(), batch_size=1)]
    nets = [fp.prune(network(), EXAMPLE, criterion=criterion, target=fp.ratio(0.5), data=d) for d in kinds]
    assert torch.equal(nets[0][0].weight, nets[1][0].weight)
    assert nets[2].fairprune.on_target


@pytest.mark.parametrize("granularity", ["channel", "weight"])
def test_a_saved_network_comes_back_and_may_be_copied(tmp_path, granularity):
    small = fp.prune(network(), EXAMPLE, target=fp.ratio(0.5), granularity=granularity, criterion="magnitude")
    small = copy.deepcopy(small)
    fp.save(small, tmp_path / "small.safetensors")
    again = fp.load(tmp_path / "small.safetensors", network())
    assert again.fairprune.small == small.fairprune.small
    assert again.fairprune.kept == small.fairprune.kept
    for name, tensor in small.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    images = torch.randn(2, 1, 8, 8)
    assert torch.equal(small.eval()(images), again.eval()(images))


@pytest.mark.parametrize("granularity", ["channel", "weight"])
def test_a_file_of_another_network_is_refused_in_one_line(tmp_path, granularity):
    small = fp.prune(network(), EXAMPLE, target=fp.ratio(0.25), granularity=granularity, criterion="magnitude")
    fp.save(small, tmp_path / "small.safetensors")
    with pytest.raises(PruneError) as caught:
        fp.load(tmp_path / "small.safetensors", network(width=4))
    assert "\n" not in str(caught.value)


def test_files_that_are_absent_or_not_ours_are_refused(tmp_path):
    with pytest.raises(StoreError, match=r"cannot read .*No such file"):
        fp.load(tmp_path / "none", network())
    (tmp_path / "text").write_text("hello")
    with pytest.raises(StoreError, match="not valid safetensors"):
        fp.load(tmp_path / "text", network())
    save_file(network().state_dict(), tmp_path / "plain")
    (tmp_path / "plan").write_bytes(write_tensors(*to_tensors(DensePlan())))
    for name in ("plain", "plan"):
        with pytest.raises(StoreError, match=f"{name} is not a network that fp.save has written"):
            fp.load(tmp_path / name, network())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"target": fp.speedup(0.5)}, SpecError, "expected 1 or more"),
        ({"target": fp.ratio(1.0)}, SpecError, "expected the fraction of units removed"),
        ({"target": fp.ratio(1.0), "criterion": "magnitude"}, SpecError, "expected the fraction of units removed"),
        ({"criterion": "gradient_weight"}, PruneError, r"needs gradients: pass data=\[\(inputs, targets\), \.\.\.\]"),
        ({"criterion": lambda context: context.weights}, SpecError, "no criterion: .*decorated"),
        ({"criterion": "l1_nrm"}, SpecError, "did you mean 'l1_norm'"),
        ({"criterion": "time:sleep"}, SpecError, "no module 'time'"),
        ({"criterion": ":sleep"}, SpecError, "no module ''"),
        ({"granularity": "filter"}, FairpruneError, "not filter"),
        ({"power": 3}, SpecError, "unknown option"),
        ({"allocation": "like"}, SpecError, "use it in a study"),
        ({"target": None}, SpecError, r"expected a target: fp\.speedup"),
        ({"repair": "orthogonl"}, SpecError, "did you mean 'orthogonal'"),
        ({"repair": "fairprune.stages:Stage"}, SpecError, "is no repair: .*decorated"),
        ({"ratios": {"0": 0.5}, "allocation": "uniform"}, SpecError, "for allocation 'given', not for 'uniform'"),
        ({"ratios": {"7": 0.5}, "target": None}, PruneError, "7"),
        ({"spare": ("9",)}, PruneError, "9"),
    ],
)
def test_what_cannot_be_done_is_one_line(arguments, error, message):
    with pytest.raises(error, match=message) as caught:
        fp.prune(network(), EXAMPLE, **{"target": fp.ratio(0.5), **arguments})
    assert "\n" not in str(caught.value)


def test_ratios_without_a_target_hold_as_they_are():
    small = fp.prune(network(), EXAMPLE, ratios={"0": 0.25, "4": 0.5})
    assert (small[0].out_channels, small[4].out_channels) == (6, 4)
    more = fp.prune(network(), EXAMPLE, ratios={"0": 0.25, "4": 0.5}, target=fp.ratio(0.5625))
    assert (more[0].out_channels, more[4].out_channels) == (5, 2)  # their profile, to another amount


def test_a_pruned_network_is_not_pruned_again():
    small = fp.prune(network(), EXAMPLE, target=fp.ratio(0.5))
    with pytest.raises(PruneError, match="pruned already"):
        fp.prune(small, EXAMPLE, target=fp.ratio(0.5))
    with pytest.raises(PruneError, match=r"fp\.prune or fp\.load"):
        fp.save(network(), "x")
