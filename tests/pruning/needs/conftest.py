"""A small network in double precision with every kind of layer, its samples, and explicit derivatives of its loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from fairprune.pruning.calibration import Source, untouched, weights_of

INPUTS = torch.randn(7, 2, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
TARGETS = torch.arange(7) % 3
LAYERS = ("0", "5")
Losses = Callable[..., Tensor]


@pytest.fixture
def network() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        result = nn.Sequential(
            *(nn.Conv2d(2, 4, 3, groups=2), nn.BatchNorm2d(4), nn.Tanh(), nn.Dropout(), nn.Flatten(), nn.Linear(16, 3))
        )
        nn.init.normal_(result.get_submodule("1").get_parameter("weight"))
        return result.double()


@pytest.fixture
def weights(network: nn.Module) -> dict[str, Tensor]:
    return weights_of(network, LAYERS)


@pytest.fixture
def source(network: nn.Module) -> Iterator[Source]:
    """Batches of unequal sizes: 4, 3."""

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        yield INPUTS[:4], TARGETS[:4]
        yield INPUTS[4:], TARGETS[4:]

    with untouched(network):
        yield Source(network, batches, F.cross_entropy, INPUTS[:1], {"0": "1"})


@pytest.fixture
def loss_of(network: nn.Module) -> Losses:
    """The mean loss of a slice of the samples as a function of the layers' weights."""

    def loss(weights: Mapping[str, Tensor], part: slice = slice(None), temperature: float = 1.0) -> Tensor:
        state = {f"{name}.weight": weight for name, weight in weights.items()}
        return F.cross_entropy(functional_call(network, state, (INPUTS[part],)) / temperature, TARGETS[part])

    return loss
