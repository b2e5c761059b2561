import math
from dataclasses import replace

import pytest
import torch
from scipy import integrate
from torch import nn
from torch.nn import functional as F

from fairprune.errors import PruneError, SpecError
from fairprune.hook import Now
from fairprune.pruning.training.variational_dropout import divergence, drawn, log_alpha, variational_dropout
from fairprune.train import fit

NOW = Now(11, 0.1, None)


def exact(log_alpha):
    """KL up to the constant that makes it 0 at infinity: E log|1 + sqrt(alpha) e| - log(alpha) / 2 - E log|e|."""
    deviation = math.exp(log_alpha / 2)

    def density(x):
        return math.exp(-x * x / 2) / math.sqrt(2 * math.pi) * math.log(abs(1 + deviation * x))

    pole = max(-1 / deviation, -12.0)
    value = integrate.quad(density, -12, pole, limit=500)[0] + integrate.quad(density, pole, 12, limit=500)[0]
    return value - log_alpha / 2 + (0.5772156649 + math.log(2)) / 2


def test_the_divergence_is_the_integral_it_approximates():
    for value in (-8.0, -4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0, 8.0):
        assert float(divergence(torch.tensor(value))) == pytest.approx(exact(value), abs=0.01)


def test_the_divergence_falls_to_zero_and_is_finite_far_out():
    values = divergence(torch.tensor([-200.0, -8.0, 0.0, 8.0, 200.0]))
    assert values[0] == pytest.approx(100.636, abs=0.01)  # -log(alpha) / 2 + k1
    assert (values.diff() < 0).all()
    assert values[-1] == 0


def test_alpha_is_the_variance_over_the_squared_weight():
    found = log_alpha(torch.tensor([2.0, -1.0, 0.0]), torch.tensor([0.0, -3.0, -10.0]))
    assert found.tolist() == pytest.approx([-math.log(4), -3.0, -10 + math.log(1e8)], abs=1e-5)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(6, 3), (4, 6)),
        (nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2, dilation=1, bias=False), (2, 4, 5, 5)),
        (nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"), (2, 2, 4, 4)),
        (nn.Conv1d(2, 3, 3, dilation=2), (2, 2, 7)),
    ],
)
def test_outputs_vary_as_if_weights_did(monkeypatch, layer, shape):
    """Outputs are linear in the weights: their variance is the squared Jacobian times the variance of the weights."""
    inputs = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    variance = torch.rand(layer.weight.shape, generator=torch.Generator().manual_seed(1))

    def outputs(weight):
        return torch.func.functional_call(layer, {"weight": weight}, (inputs,))

    jacobian = torch.autograd.functional.jacobian(outputs, layer.weight.detach())
    mean = layer(inputs).detach()
    expected = (jacobian.square() * variance).flatten(mean.ndim).sum(-1)
    monkeypatch.setattr(torch, "randn_like", torch.ones_like)  # one deviation away
    torch.testing.assert_close((drawn(layer, inputs, mean, variance) - mean).square(), expected, rtol=1e-4, atol=1e-6)


def test_gradients_are_finite_where_inputs_are_dead():
    layer, log = nn.Linear(3, 2), torch.full((2, 3), -10.0).requires_grad_()
    inputs = torch.zeros(4, 3)
    drawn(layer, inputs, layer(inputs), log.exp()).sum().backward()
    assert (log.grad == 0).all()


def test_pretraining_throughout_is_plain_training(begin):
    hooked, plain = (begin(variational_dropout, pretrain=1.0) for _ in range(2))
    fit(hooked.network, hooked.course)
    fit(plain.network, replace(plain.course, hook=None))
    for key, tensor in plain.network.state_dict().items():
        assert torch.equal(tensor, hooked.network.state_dict()[key]), key


def test_the_penalty_is_the_divergence_warmed_up(begin):
    """12 steps: nothing before step 3, then a third more with every step, whole from step 6 on."""
    trained = begin(variational_dropout, pretrain=0.25, warm_up=0.25)
    trained.network(torch.randn(2, 2, 8, 8))
    whole = sum(
        float(divergence(-10 - torch.log(trained.network.get_parameter(f"{layer}.weight").detach() ** 2 + 1e-8)).sum())
        for layer in ("0", "3", "7")
    )
    found = [float(trained.hook.penalty(Now(step, 0.1, None)).detach()) for step in (0, 2, 3, 4, 5, 6, 11)]
    assert found == pytest.approx([0, 0, 0, whole / 64 / 3, whole / 64 * 2 / 3, whole / 64, whole / 64], rel=1e-5)


def test_noise_is_drawn_in_training_only_and_from_its_beginning(begin):
    trained = begin(variational_dropout, pretrain=0.25, log_sigma=0.0)
    images, network = torch.randn(8, 2, 8, 8), trained.network
    assert torch.equal(network.train()(images), network(images))
    trained.hook.on_step(Now(2, 0.1, None))
    assert not torch.equal(network(images), network(images))
    assert torch.equal(network.eval()(images), network(images))
    trained.hook.finish()
    assert torch.equal(network.train()(images), network(images))


def test_weights_that_noise_drowns_score_lowest(train):
    trained = train(variational_dropout, schedule="constant:0.02 total:6")
    for layer, score in trained.scores.items():
        weight = trained.network.get_parameter(f"{layer}.weight").detach()
        assert float(score[weight.abs() > weight.abs().median()].mean()) > float(score.mean())
    assert trained.scores["7"].min() < -3  # the paper's threshold for removal


def test_a_stronger_penalty_prunes_more(train):
    weak, strong = (train(variational_dropout, strength=strength, warm_up=0.0) for strength in (0.01, 1.0))
    assert (strong.scores["7"] < -3).float().mean() > (weak.scores["7"] < -3).float().mean() + 0.1


def test_the_variance_is_charged_as_another_pass(train):
    trained = train(variational_dropout, pretrain=0.25)
    macs = trained.course.macs({})
    classifier = 16 * 4
    assert trained.states[-1].work == pytest.approx(16 * (12 * 3 * macs + 9 * 3 * (macs - classifier)))


def test_a_layer_that_is_not_called_is_refused(begin):
    class Direct(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(128, 8), nn.Linear(8, 4)

        def forward(self, images):
            return self.last(F.linear(images.flatten(1), self.first.weight))

    trained = begin(variational_dropout, network=Direct())
    with pytest.raises(PruneError, match="layer 'first' is not called as a module: spare it"):
        fit(trained.network, trained.course)


def test_options_that_mean_nothing_are_refused(begin):
    with pytest.raises(SpecError, match=r"warm_up = 2, expected 0 to 1"):
        begin(variational_dropout, warm_up=2.0)
    with pytest.raises(SpecError, match="strength = -1"):
        begin(variational_dropout, strength=-1.0)
