from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairprune.errors import PruneError
from fairprune.pruning.calibration import observe, untouched, weights_of


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, groups=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.Linear(16, 3)
    )


INPUTS = torch.randn(7, 2, 4, 4, generator=torch.Generator().manual_seed(1))
TARGETS = torch.arange(7) % 3


def batches() -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of unequal sizes: 4, 3."""
    yield INPUTS[:4], TARGETS[:4]
    yield INPUTS[4:], TARGETS[4:]


def test_gradients_are_the_mean_over_all_samples() -> None:
    net = network()
    weights = weights_of(net, ["0", "5"])
    with untouched(net):
        found = observe(net, weights, ["gradients"], batches, F.cross_entropy)
    twin = network().double().eval()  # an oracle: the whole set at once, in double precision
    F.cross_entropy(twin(INPUTS.double()), TARGETS).backward()
    for name in weights:
        oracle = twin.get_submodule(name).weight.grad
        assert torch.allclose(found.gradients[name].double(), oracle, rtol=1e-4, atol=1e-7)
    assert (found.samples, found.passes, found.activations) == (7, 3.0, {})


def test_gradients_by_hand() -> None:
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, 2.0)
    data = [(torch.tensor([[1.0], [3.0]]), torch.zeros(2, 1)), (torch.tensor([[2.0]]), torch.zeros(1, 1))]
    found = observe(net, {"": net.weight}, ["gradients"], lambda: data, F.mse_loss)
    # d/dw mean (w x)^2 = 2 w mean x^2 = 4 * (1 + 9 + 4) / 3; a mean of the batches' means would give 4 * 4.5
    assert found.gradients[""].item() == pytest.approx(4 * 14 / 3)


def test_activations_are_mean_absolute_inputs() -> None:
    net = network()
    with untouched(net):
        found = observe(net, weights_of(net, ["0", "5"]), ["activations"], batches, F.cross_entropy)
        hidden = net[:5](INPUTS)
    assert torch.allclose(found.activations["0"], INPUTS.abs().mean((0, 2, 3)))
    assert torch.allclose(found.activations["5"], hidden.abs().mean(0), atol=1e-6)
    assert (found.samples, found.passes, found.gradients) == (7, 1.0, {})


def test_activations_of_a_linear_layer_on_tokens_and_of_a_layer_that_never_runs() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = nn.Linear(2, 2), nn.Linear(5, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.used(self.used(x) * 0 + 1)  # called twice: with the input, and with ones

    net, data = Tokens(), torch.tensor([[[-1.0, 3.0], [1.0, 5.0]]])
    found = observe(
        net, weights_of(net, ["used", "idle"]), ["activations", "gradients"], lambda: [(data, data)], F.mse_loss
    )
    assert found.activations["used"].tolist() == [1.0, 2.5]  # (1 + 1 + 1 + 1) / 4, (3 + 5 + 1 + 1) / 4
    assert found.activations["idle"].tolist() == [0] * 5
    assert found.gradients["idle"].count_nonzero() == 0
    assert found.passes == 3.0


def test_nothing_runs_where_nothing_is_needed() -> None:
    net = network()

    def never() -> Iterator[tuple[Tensor, Tensor]]:
        raise AssertionError

    found = observe(net, weights_of(net, ["0"]), ["batch_norm"], never, F.cross_entropy)
    assert (found.samples, found.passes) == (0, 0.0)


def test_no_samples_is_an_error() -> None:
    net = network()
    with pytest.raises(PruneError, match="calibration has no samples"):
        observe(net, weights_of(net, ["0"]), ["activations"], list, F.cross_entropy)


def test_untouched_brings_everything_back() -> None:
    net = network().train()
    net[1].eval()
    net[0].weight.requires_grad_(False)
    net[5].weight.grad = torch.full_like(net[5].weight, 7.0)
    state = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    modes = [module.training for module in net.modules()]
    flags = [p.requires_grad for p in net.parameters()]
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    with pytest.raises(KeyError), untouched(net):  # noqa: PT012 (the body is what must be undone)
        assert not any(module.training for module in net.modules())
        net[1].train()(torch.randn(9, 4, 2, 2))  # moves the running statistics
        net[1].running_mean = torch.ones(4)  # replaces a buffer
        net[0].weight.requires_grad_(True)
        raise KeyError
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(tensor, state[name]) for name, tensor in net.state_dict().items())
    assert [module.training for module in net.modules()] == modes
    assert [p.requires_grad for p in net.parameters()] == flags
    assert (net[5].weight.grad == 7).all()


def test_layers_without_a_weight_are_refused() -> None:
    with pytest.raises(PruneError, match=r"unknown layer '6'"):
        weights_of(network(), ["6"])
    with pytest.raises(PruneError, match=r"layer '2' \(ReLU\) has no weight"):
        weights_of(network(), ["2"])
    with pytest.raises(PruneError, match=r"layer '1' \(BatchNorm2d\) has no weight"):
        weights_of(network(), ["1"])
