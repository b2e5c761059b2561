"""What all methods that prune single weights while they train keep to."""

import copy
from dataclasses import replace

import pytest
import torch

from fairprune import registry
from fairprune.spec import Optimizer
from fairprune.train import DivergedError, fit

METHODS = {
    "gradual": {"updates": 4},
    "set": {},
    "rigl": {"updates": 2},
    "movement": {"updates": 3},
    "l0": {"granularity": "weight"},
    "variational_dropout": {"pretrain": 0.25},
}
MASKING = ("gradual", "set", "rigl", "movement")
STILL = {"set": {"zeta": 0.0}, "rigl": {"end": 0.0}}  # the two move weights even where there is nothing to remove
OPTIMIZERS = {"sgd": Optimizer(weight_decay=0.01), "adam": Optimizer(name="adam", weight_decay=0.01)}


def load(name):
    return registry.load("training", name)


@pytest.fixture(params=METHODS)
def name(request):
    return request.param


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_stopped_and_resumed_is_as_if_never_stopped(resumes, name, optimizer):
    resumes(load(name), optimizer=OPTIMIZERS[optimizer], schedule="constant:0.01 total:3", **METHODS[name])


def test_the_network_comes_back_as_it_came(train, begin, name):
    trained, fresh = (
        train(load(name), schedule="constant:0.05 total:1", **METHODS[name]),
        begin(load("gradual")).network,
    )
    assert list(copy.deepcopy(trained.network).state_dict()) == list(fresh.state_dict())
    for module, other in zip(trained.network.modules(), fresh.modules(), strict=True):
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
        assert type(module) is type(other)
        assert set(vars(module)) == set(vars(other))
    for value in (trained.scores or {}).values():
        assert value.isfinite().all()
        assert not value.requires_grad


@pytest.mark.parametrize("name", METHODS)
def test_spared_layers_are_only_trained(begin, name):
    trained = begin(load(name), spare=("classifier", "3"), **METHODS[name])
    before = {layer: trained.network.get_parameter(f"{layer}.weight").detach().clone() for layer in ("3", "9")}
    fit(trained.network, trained.course)
    scores = trained.hook.finish() or {}
    assert set(scores) in ({"0", "7"}, set())
    for layer, weight in before.items():
        assert f"{layer}.weight" not in trained.hook.masks()
        after = trained.network.get_parameter(f"{layer}.weight")
        assert (after != 0).all()
        assert not torch.equal(after, weight)


def test_dead_units_leave_everything_finite(begin, name):
    trained = begin(load(name), network=dead_network(), **METHODS[name])
    fit(trained.network, trained.course)
    for score in (trained.hook.finish() or {}).values():
        assert score.isfinite().all()
    assert all(tensor.isfinite().all() for tensor in trained.network.state_dict().values())


def dead_network():
    """Two filters that are zero, scale and shift of their batch norm too, and a linear layer that is zero."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        *(torch.nn.Conv2d(2, 8, 3, bias=False), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.Flatten()),
        *(torch.nn.Linear(8 * 36, 6), torch.nn.ReLU(), torch.nn.Linear(6, 4)),
    )
    with torch.no_grad():
        for parameter in (network[0].weight, network[1].weight, network[1].bias):
            parameter[:2] = 0
        network[4].weight.zero_()
        network[4].bias.fill_(-1)
    return network


def test_half_precision_leaves_parameters_whole(begin, name):
    trained = begin(load(name), **METHODS[name])
    curve = fit(trained.network, replace(trained.course, precision="bf16"))
    scores = trained.hook.finish() or {}
    assert all(score.isfinite().all() and score.dtype in (torch.float32, torch.float64) for score in scores.values())
    assert all(parameter.dtype == torch.float32 for parameter in trained.network.parameters())
    assert curve[-1]["train_loss"] < 1.6


def test_compiled_it_trains_as_it_does_otherwise(begin, name, monkeypatch):
    """Networks with forward hooks are not compiled: the compiler would pass over them."""
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda network: compiled.append(network) or network)
    monkeypatch.setattr(torch.compiler, "reset", lambda: None)
    trained = begin(load(name), schedule="constant:0.05 total:0.5", **METHODS[name])
    fit(trained.network, replace(trained.course, step="compile"))
    assert bool(compiled) == (name in MASKING)


@pytest.mark.parametrize("name", [*MASKING, "l0"])
def test_the_layout_of_weights_does_not_matter(begin, name):
    network = begin(load("gradual")).network
    other = copy.deepcopy(network).to(memory_format=torch.channels_last)
    how = {"schedule": "constant:0.01 total:3", **METHODS[name]}
    one, two = (begin(load(name), network=each, **how) for each in (network, other))
    for trained in (one, two):
        fit(trained.network, trained.course)
        trained.hook.finish()
    for parameter, mask in one.hook.masks().items():
        assert torch.equal(mask, two.hook.masks()[parameter])
    for key, tensor in one.network.state_dict().items():
        torch.testing.assert_close(tensor, two.network.state_dict()[key], rtol=1e-3, atol=1e-5)


def test_training_that_diverges_says_so(begin, name):
    trained = begin(load(name), schedule="constant:1e30 total:2", **METHODS[name])
    with pytest.raises(DivergedError):
        fit(trained.network, trained.course)


@pytest.mark.parametrize("name", MASKING)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("allocation", ["uniform", "global"])
def test_what_is_left_is_what_the_target_chooses(train, name, optimizer, allocation):
    trained = train(load(name), target=4.0, allocation=allocation, optimizer=OPTIMIZERS[optimizer], **METHODS[name])
    magnitudes = {layer: trained.network.get_parameter(f"{layer}.weight").abs().detach() for layer in ("0", "3", "7")}
    chosen = trained.setting.space.plan(trained.setting.choose(trained.scores or magnitudes)).masks
    masks = trained.hook.masks()
    assert set(masks) == {"0.weight", "3.weight", "7.weight"}
    for parameter, mask in masks.items():
        assert torch.equal(mask, chosen[parameter]), parameter
        assert (trained.network.get_parameter(parameter)[~mask] == 0).all()
    parameters = sum(p.numel() for p in trained.network.parameters())
    left = parameters - sum(int((~mask).sum()) for mask in masks.values())
    assert parameters / left == pytest.approx(4, rel=0.01)


@pytest.mark.parametrize("name", MASKING)
def test_a_target_that_removes_nothing_is_plain_training(begin, name):
    options = METHODS[name] | STILL.get(name, {})
    hooked, plain = (begin(load(name), target=1.0, **options) for _ in range(2))
    fit(hooked.network, hooked.course)
    fit(plain.network, replace(plain.course, hook=None))
    for key, tensor in plain.network.state_dict().items():
        assert torch.equal(tensor, hooked.network.state_dict()[key]), key


@pytest.mark.parametrize("name", ["set", "rigl"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_optimizer_remembers_nothing_of_masked_weights(begin, name, optimizer):
    """Otherwise what grows would move by gradients from before it was there."""
    looked = []

    def wrap(hook):
        def on_step(now):
            hook.on_step(now)
            for key, mask in hook.masks().items():
                slots = now.optimizer.state[trained.network.get_parameter(key)].values()
                looked.extend(bool((slot[~mask] == 0).all()) for slot in slots if slot.shape == mask.shape)

        return replace(hook, on_step=on_step)

    trained = begin(load(name), wrap=wrap, optimizer=OPTIMIZERS[optimizer], **METHODS[name])
    fit(trained.network, trained.course)
    assert len(looked) >= 12
    assert all(looked)


@pytest.mark.parametrize("name", MASKING)
def test_masks_are_a_new_mapping_whenever_they_change_and_only_then(begin, name):
    seen = []

    def looking(hook):
        def on_step(now):
            hook.on_step(now)
            masks = hook.masks()
            seen.append((masks, {key: mask.clone() for key, mask in masks.items()}))

        return replace(hook, on_step=on_step)

    trained = begin(load(name), wrap=looking, **METHODS[name])
    fit(trained.network, trained.course)
    for masks, copies in seen:
        assert all(torch.equal(masks[key], mask) for key, mask in copies.items())  # nobody wrote into a published one
    assert 2 <= len({id(masks) for masks, _ in seen}) < len(seen)
