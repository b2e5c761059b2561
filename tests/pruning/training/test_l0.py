import copy
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from fairprune.errors import SpecError
from fairprune.hook import Now
from fairprune.pruning.granularity.remove import remove_channels
from fairprune.pruning.training.l0 import hard_concrete, l0, open_probability, settled
from fairprune.train import fit

GRANULARITIES = ("channel", "weight")


def test_the_probability_of_an_open_gate_is_what_draws_come_to():
    generator = torch.Generator().manual_seed(0)
    for log_alpha in (-3.0, -1.6, 0.0, 2.0):
        gates, _ = hard_concrete(torch.tensor(log_alpha), torch.rand(200_000, generator=generator))
        assert float((gates != 0).float().mean()) == pytest.approx(
            float(open_probability(torch.tensor(log_alpha))), abs=0.005
        )


def test_gates_at_given_draws():
    """u = 1/2 is a logit of 0: s = sigmoid(1.5 log alpha), stretched by 1.2 and shifted by -0.1."""
    log_alpha = torch.tensor([-2.0, 0.0, 1.0, 2.0])
    gates, slope = hard_concrete(log_alpha, torch.full((4,), 0.5))
    assert gates.tolist() == pytest.approx([0.0, 0.5, 0.8810895, 1.0], abs=1e-6)  # sigmoid(1.5) = 0.8175745
    assert slope.tolist() == pytest.approx([0, 0.45, 0.2684634, 0], abs=1e-6)  # s (1 - s) * 1.5 * 1.2
    assert settled(log_alpha).tolist() == pytest.approx([0.0430435, 0.5, 0.7772703, 0.9569565], abs=1e-6)


def test_slopes_are_those_of_autograd():
    log_alpha = torch.linspace(-5, 5, 50).requires_grad_()
    uniform = torch.rand(50, generator=torch.Generator().manual_seed(0))
    gates = (torch.sigmoid((uniform.log() - (1 - uniform).log() + log_alpha) * 1.5) * 1.2 - 0.1).clamp(0, 1)
    (expected,) = torch.autograd.grad(gates.sum(), log_alpha)
    torch.testing.assert_close(hard_concrete(log_alpha.detach(), uniform)[1], expected)


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_open_gates_without_a_penalty_are_plain_training(begin, granularity):
    hooked, plain = (begin(l0, granularity=granularity, strength=0.0, dropout=1e-9) for _ in range(2))
    fit(hooked.network, hooked.course)
    plain.hook.finish()
    fit(plain.network, replace(plain.course, hook=None))
    for key, tensor in plain.network.state_dict().items():
        assert torch.equal(tensor, hooked.network.state_dict()[key]), key


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_stopped_and_resumed_is_as_if_never_stopped(resumes, granularity):
    resumes(l0, granularity=granularity, schedule="constant:0.01 total:3")


class Gated(nn.Module):
    """A parametrisation: the weight times gates made by autograd from given draws."""

    def __init__(self, log_alpha, uniform):
        super().__init__()
        self.log_alpha, self.uniform = nn.Parameter(log_alpha.clone()), uniform

    def forward(self, weight):
        return weight * (torch.sigmoid((torch.logit(self.uniform) + self.log_alpha) * 1.5) * 1.2 - 0.1).clamp(0, 1)


def test_gradients_are_those_of_autograd(begin):
    trained = begin(l0, granularity="weight", strength=0.0, dropout=0.3)
    other = copy.deepcopy(trained.network)
    for module in other.modules():
        module._forward_pre_hooks.clear()
    images, labels = torch.randn(16, 2, 8, 8), torch.randint(4, (16,))
    torch.manual_seed(5)
    F.cross_entropy(trained.network.train()(images), labels).backward()
    torch.manual_seed(5)
    gates = {}
    for layer in ("0", "3", "7"):
        log_alpha = trained.hook.tensors[f"log_alpha/{layer}"]
        gates[layer] = Gated(log_alpha, torch.rand_like(log_alpha) * (1 - 2e-6) + 1e-6)
        parametrize.register_parametrization(other.get_submodule(layer), "weight", gates[layer])
    F.cross_entropy(other.train()(images), labels).backward()
    before = {layer: gate.log_alpha.detach().clone() for layer, gate in gates.items()}
    trained.hook.penalty(Now(0, 0.1, None)).backward()
    trained.hook.on_gradients(Now(0, 0.1, None))
    for layer, gate in gates.items():
        original = other.get_submodule(layer).parametrizations.weight.original
        torch.testing.assert_close(trained.network.get_submodule(layer).weight.grad, original.grad)
        torch.testing.assert_close(trained.network.get_submodule(layer).weight, original)
        torch.optim.Adam([gate.log_alpha], lr=10 / 12).step()
    trained.hook.on_step(Now(0, 0.1, None))
    for layer, gate in gates.items():
        live = gate.log_alpha.grad.abs() > 1e-6  # Adam's first step is lr * sign, unless the gradient is about 0
        assert live.sum() > 10
        moved = trained.hook.tensors[f"log_alpha/{layer}"]
        assert not torch.equal(moved, before[layer])
        torch.testing.assert_close(moved[live], gate.log_alpha.detach()[live], rtol=1e-3, atol=1e-3)


def test_the_penalty_is_the_expected_number_of_weights(begin):
    now = Now(0, 0.1, None)
    trained = begin(l0, granularity="weight", strength=0.2)
    for name, tensor in trained.hook.tensors.items():
        if name.startswith("log_alpha") and name.count("/") == 1:
            tensor.fill_(1.0)
    probability = float(torch.sigmoid(torch.tensor(1.0 + 2 / 3 * 2.3978953)))  # log 11
    assert float(trained.hook.penalty(now).detach()) == pytest.approx(0.2 / 64 * 2736 * probability, rel=1e-5)
    trained = begin(l0, granularity="channel", strength=0.2, dropout=0.5)
    for layer, value in (("0", 50.0), ("3", -50.0), ("7", -50.0)):
        trained.hook.tensors[f"log_alpha/{layer}"].fill_(value)
    assert float(trained.hook.penalty(now).detach()) == pytest.approx(0.2 / 64 * 144, rel=1e-5)


def test_a_strong_penalty_closes_gates(train):
    weak, strong = (train(l0, granularity="weight", strength=strength) for strength in (0.0, 100.0))
    assert strong.scores["7"].mean() < weak.scores["7"].mean() - 3
    assert (strong.network[7].weight == 0).float().mean() > 0.9
    assert (weak.network[7].weight == 0).float().mean() < 0.5  # chance moves gates too, in 12 steps of 10 / 12


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_evaluation_and_what_is_left_have_the_deterministic_gates(begin, granularity):
    trained = begin(l0, granularity=granularity, strength=1e-3, schedule="constant:0.01 total:3")
    fit(trained.network, trained.course)
    images = torch.randn(5, 2, 8, 8)
    seen = trained.network.eval()(images)
    assert torch.equal(seen, trained.network(images))
    for module in trained.network.train().modules():
        module.training = not isinstance(module, nn.BatchNorm2d)  # whose statistics are to stay
    drawn = trained.network(images)
    scores = trained.hook.finish()
    assert torch.equal(trained.network.eval()(images), seen)
    assert not torch.equal(drawn, seen)
    whole = trained.hook.tensors["whole/3/0"]
    weight = trained.network[3].weight if granularity == "weight" else trained.network[4].weight
    assert torch.equal(weight, whole * settled(scores["3"]))


def test_units_behind_closed_gates_can_be_removed(begin):
    trained = begin(l0, target=2.0, allocation="global")
    scores = {}
    for layer in ("0", "3", "7"):
        log_alpha = trained.hook.tensors[f"log_alpha/{layer}"]
        log_alpha[::2] = -20.0
        scores[layer] = log_alpha.clone()
    found = trained.hook.finish()
    assert all(torch.equal(found[layer], score) for layer, score in scores.items())
    grouped = trained.setting.space.group_scores(found, "mean")
    plan = trained.setting.space.plan({name: (s > -20).nonzero().flatten() for name, s in grouped.items()})
    images = torch.randn(5, 2, 8, 8)
    whole, small = trained.network.eval(), remove_channels(trained.network, plan).eval()
    assert small[0].out_channels == 4
    torch.testing.assert_close(whole(images), small(images))


def test_without_a_batch_norm_weight_and_bias_are_gated(begin):
    network = nn.Sequential(
        *(nn.ConvTranspose2d(2, 6, 3), nn.ReLU(), nn.Conv2d(6, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(5 * 64, 4)),
    )
    trained = begin(l0, network=network, granularity="channel")
    for layer in ("0", "2"):
        trained.hook.tensors[f"log_alpha/{layer}"][1] = -20.0
    yields: list[torch.Tensor] = []
    handles = [network[at].register_forward_hook(lambda *passed: yields.append(passed[2])) for at in (0, 2)]
    with torch.no_grad():
        network.eval()(torch.randn(2, 2, 8, 8))
    first, second = yields
    assert (first[:, 1] == 0).all()
    assert (first[:, [0, 2, 3, 4, 5]] != 0).all()
    assert (second[:, 1] == 0).all()
    assert (network[0].weight[:, 1] != 0).all()  # put back after the pass
    for handle in handles:
        handle.remove()
    fit(network, trained.course)
    assert set(trained.hook.finish()) == {"0", "2"}


def test_options_that_mean_nothing_are_refused(begin):
    with pytest.raises(SpecError, match="dropout = 1"):
        begin(l0, dropout=1.0)
