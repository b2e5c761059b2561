"""What all methods that prune filters while they train have in common."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from fairprune.errors import PruneError
from fairprune.networks.resnet_cifar import ResNet
from fairprune.pruning.apply import pruned
from fairprune.pruning.training.filters import filter_norms
from fairprune.pruning.training.greg import greg1, greg2
from fairprune.pruning.training.group_norm import group_norm
from fairprune.pruning.training.slimming import slimming
from fairprune.pruning.training.soft_filter import soft_filter
from fairprune.pruning.training.tpp import tpp
from fairprune.pruning.training_method import training_method
from fairprune.train import fit

CAREFUL = {"schedule": "constant:0.002 total:3"}  # the Gram term of narrow layers bears no large rate
ALL = [
    pytest.param(slimming, {"spare": ("classifier", "7")}, id="slimming"),
    pytest.param(soft_filter, {}, id="soft_filter"),
    pytest.param(group_norm, {}, id="group_norm"),
    pytest.param(greg1, {}, id="greg1"),
    pytest.param(greg2, {}, id="greg2"),
    pytest.param(greg2, {"picked": 0.6}, id="greg2-late"),
    pytest.param(tpp, CAREFUL, id="tpp"),
]
DRIVING = [
    pytest.param(greg1, {}, id="greg1"),
    pytest.param(greg2, {}, id="greg2"),
    pytest.param(tpp, {"gram": 0.0}, id="tpp"),
]


def residual(shortcut="A"):
    """Blocks of ResNet-20, one per stage."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return ResNet(4, 2, 1, shortcut, None)


@pytest.mark.parametrize(("method", "how"), ALL)
def test_stopped_and_resumed_is_as_if_never_stopped(resumes, method, how):
    resumes(method, **how)


@pytest.mark.parametrize(
    ("method", "how"),
    [
        pytest.param(slimming, {"s": 0.0, "spare": ("classifier", "7")}, id="slimming"),
        pytest.param(soft_filter, {"axis": "ratio", "target": 0.0}, id="soft_filter"),
        pytest.param(group_norm, {"reg": 0.0}, id="group_norm"),
        pytest.param(greg1, {"ceiling": 0.0}, id="greg1"),
        pytest.param(greg2, {"pick_ceiling": 0.0, "ceiling": 0.0, "recover": 0.0}, id="greg2"),
        pytest.param(tpp, {"ceiling": 0.0}, id="tpp"),
    ],
)
def test_without_a_penalty_it_is_plain_training(train, begin, method, how):
    done, plain = train(method, **how), begin(method, **how)
    fit(plain.network, replace(plain.course, hook=None))
    for name, tensor in plain.network.state_dict().items():
        assert torch.equal(tensor, done.network.state_dict()[name]), name


@pytest.mark.parametrize(("method", "how"), ALL)
def test_spared_layers_are_left_alone(begin, added, method, how):
    trained = begin(method, **{**how, "spare": ("classifier", "7", "0"), "target": 1.5})
    before = copy.deepcopy(trained.network.state_dict())
    gradients = [added(trained, step) for step in (0, 11)]
    trained.hook.on_epoch(1)
    after = trained.network.state_dict()
    for name in ("0.weight", "1.weight", "1.bias", "9.weight", "9.bias"):
        assert torch.equal(before[name], after[name])
    for name in ("0.weight", "1.weight", "1.bias", "9.bias"):
        assert all(not gradient[name].any() for gradient in gradients), name
    pulled = any(gradient[name].any() for gradient in gradients for name in ("3.weight", "4.weight"))
    assert pulled == (method is not soft_filter)


@pytest.mark.parametrize("shortcut", ["A", "B"])
@pytest.mark.parametrize("method", [slimming, soft_filter, group_norm, greg1, greg2, tpp])
def test_residual_networks_train_and_their_coupled_layers_lose_the_same_filters(train, method, shortcut):
    done = train(method, network=residual(shortcut), schedule="constant:0.001 total:1")
    scores = done.scores or {name: torch.rand(shape) for name, shape in widths(done).items()}
    plan = done.setting.choose(scores) if method.bound else halves(done.setting.space)
    small = pruned(done.network, done.setting.space.plan(plan))
    assert torch.isfinite(small.eval()(torch.rand(3, 2, 8, 8))).all()


def widths(done):
    return {layer: done.network.get_submodule(layer).out_channels for layer in done.setting.space.layers}


def halves(space):
    return {group.name: torch.arange(group.size // 2) for group in space.groups}


def test_coupled_filters_are_driven_out_together(begin, added):
    trained = begin(greg1, network=residual("B"))
    gradients = added(trained)
    rows = [gradients[f"{name}.weight"].flatten(1).any(1) for name in ("layer2.0.conv2", "layer2.0.shortcut.0")]
    assert torch.equal(*rows)
    assert 0 < rows[0].sum() < 32


@pytest.mark.parametrize(("method", "how"), ALL)
def test_dead_units_stay_finite(begin, train, method, how):
    network = begin(method, **how).network
    with torch.no_grad():
        network[0].weight[:3] = 0
        network[1].weight[:3], network[1].bias[:3] = 0, 0
        network[7].weight.zero_()
        network[9].weight.zero_()
    done = train(method, network=network, **how)
    assert all(tensor.isfinite().all() for tensor in done.network.state_dict().values())
    assert all(scores.isfinite().all() for scores in (done.scores or {}).values())


@pytest.mark.parametrize(("method", "how"), ALL)
def test_mixed_precision(begin, method, how):
    trained = begin(method, **how)
    before = copy.deepcopy(trained.network.state_dict())
    fit(trained.network, replace(trained.course, precision="bf16"))
    weight = trained.network[3].weight
    assert weight.dtype == torch.float32
    assert weight.isfinite().all()
    assert not torch.equal(weight, before["3.weight"])


@pytest.mark.parametrize("allocation", ["uniform", "global"])
@pytest.mark.parametrize(("method", "how"), DRIVING)
def test_exactly_the_filters_that_were_driven_out_are_removed(train, added, method, how, allocation):
    done = train(method, allocation=allocation, target=3.0, schedule="constant:0.002 total:3", **how)
    space = done.setting.space
    pulled = added(done, 11)
    plan = space.plan(done.setting.choose(done.scores))
    for layer in space.layers:
        weight = done.network.get_parameter(f"{layer}.weight")
        driven = (pulled[f"{layer}.weight"] / weight > 0.9).flatten(1).all(1)  # filters that stay are pulled less
        kept = plan.kept.get(f"{layer}/out", torch.arange(len(driven)))
        assert (~driven).nonzero().flatten().tolist() == kept.tolist(), layer
    small = pruned(done.network, plan)
    assert sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in done.network.parameters()) / 2


@pytest.mark.parametrize("method", [soft_filter, group_norm, greg1, greg2, tpp])
def test_another_granularity_is_refused(begin, method):
    anything = training_method(paper="test", granularities=("weight",), bound=method.bound)
    with pytest.raises(PruneError, match="granularity 'channel', not of 'weight'"):
        begin(anything(method.function))


def test_norms_of_filters():
    network = nn.Sequential(nn.Conv2d(1, 2, (1, 2), bias=False), nn.ConvTranspose2d(2, 3, 1, bias=False))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[3.0, -4.0], [float("nan"), 1.0]]).view(2, 1, 1, 2))
        network[1].weight.copy_(torch.tensor([[1.0, 0.0, 5.0], [-2.0, 0.0, 12.0]]).view(2, 3, 1, 1))

    class Both:
        layers = ("0", "1")
        producers = {"0": 0, "1": 1}

    first, second = filter_norms(network, Both, 1), filter_norms(network, Both, 2)
    assert first["0"].tolist() == [7, 0]
    assert second["0"].tolist() == [5, 0]
    assert first["1"].tolist() == [3, 0, 17]
    assert second["1"].tolist() == pytest.approx([5**0.5, 0, 13])
