"""Means over calibration samples: gradients and inputs of layers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairprune.errors import PruneError
from fairprune.pruning.calibration import Batches, Loss, Source, untouched, weights_of
from fairprune.pruning.needs.means import means


def source_of(net: nn.Module, batches: Batches, loss: Loss = F.cross_entropy) -> Source:
    return Source(net, batches, loss, torch.zeros(1))


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
        found = means(source := source_of(net, batches), weights, ["gradients"])
    twin = network().double().eval()  # an oracle: the whole set at once, in double precision
    F.cross_entropy(twin(INPUTS.double()), TARGETS).backward()
    for name in weights:
        oracle = twin.get_submodule(name).weight.grad
        assert torch.allclose(found.gradients[name].double(), oracle, rtol=1e-4, atol=1e-7)
    assert (source.meter.samples, source.meter.sample_passes, found.activations) == (7, 3.0 * 7, {})


def test_gradients_by_hand() -> None:
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, 2.0)
    data = [(torch.tensor([[1.0], [3.0]]), torch.zeros(2, 1)), (torch.tensor([[2.0]]), torch.zeros(1, 1))]
    found = means(source_of(net, lambda: data, F.mse_loss), {"": net.weight}, ["gradients"])
    # d/dw mean (w x)^2 = 2 w mean x^2 = 4 * (1 + 9 + 4) / 3; a mean of the batches' means would give 4 * 4.5
    assert found.gradients[""].item() == pytest.approx(4 * 14 / 3)


def test_activations_are_mean_absolute_inputs() -> None:
    net = network()
    with untouched(net):
        found = means(source := source_of(net, batches), weights_of(net, ["0", "5"]), ["activations"])
        hidden = net[:5](INPUTS)
    assert torch.allclose(found.activations["0"], INPUTS.abs().mean((0, 2, 3)))
    assert torch.allclose(found.activations["5"], hidden.abs().mean(0), atol=1e-6)
    assert (source.meter.samples, source.meter.sample_passes, found.gradients) == (7, 7.0, {})


def test_activations_of_a_linear_layer_on_tokens_and_of_a_layer_that_never_runs() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = nn.Linear(2, 2), nn.Linear(5, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.used(self.used(x) * 0 + 1)  # called twice: with the input, and with ones

    net, data = Tokens(), torch.tensor([[[-1.0, 3.0], [1.0, 5.0]]])
    source = source_of(net, lambda: [(data, data)], F.mse_loss)
    found = means(source, weights_of(net, ["used", "idle"]), ["activations", "gradients"])
    assert found.activations["used"].tolist() == [1.0, 2.5]  # (1 + 1 + 1 + 1) / 4, (3 + 5 + 1 + 1) / 4
    assert found.activations["idle"].tolist() == [0] * 5
    assert found.gradients["idle"].count_nonzero() == 0
    assert source.meter.sample_passes == 3.0


def test_nothing_runs_where_nothing_is_needed() -> None:
    net = network()

    def never() -> Iterator[tuple[Tensor, Tensor]]:
        raise AssertionError

    source = source_of(net, never)
    means(source, weights_of(net, ["0"]), ["batch_norm"])
    assert (source.meter.samples, source.meter.sample_passes) == (0, 0.0)


def test_no_samples_is_an_error() -> None:
    net = network()
    with pytest.raises(PruneError, match="calibration has no samples"):
        means(source_of(net, list), weights_of(net, ["0"]), ["activations"])
