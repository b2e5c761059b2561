"""A small network without batch norm, scored on samples of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairprune import registry
from fairprune.pruning.criterion import Criterion
from fairprune.pruning.scoring import score

INPUTS = torch.randn(6, 2, 5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
TARGETS = torch.arange(6) % 3
LAYERS = ("0", "3")
Scored = Callable[..., dict[str, Tensor]]


@pytest.fixture
def plain() -> nn.Module:
    """Convolution, ReLU, linear layer, in fp64; batches of 4 and 2 samples."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(2, 4, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)).double()


@pytest.fixture
def scored() -> Scored:
    """Layer name -> scores of a criterion, by name or declared, on a network."""

    def run(network: nn.Module, criterion: str | Criterion, granularity: str = "weight", **settings: Any) -> Any:
        given = {
            "layers": LAYERS,
            "batches": lambda: zip(INPUTS.split(4), TARGETS.split(4), strict=True),
            "loss": F.cross_entropy,
            "example": INPUTS[:1],
            "options": {},
        } | settings
        rule = registry.load("criterion", criterion) if isinstance(criterion, str) else criterion
        options = given.pop("options")
        return score(network, rule, options, granularity=granularity, seed=0, batch_norm_of={}, **given).scores

    return run


def rescaled(network: nn.Module, factor: float) -> nn.Module:
    """The same function: what comes out of the first layer is larger, and the second takes it back."""
    with torch.no_grad():
        network[0].weight.mul_(factor)
        network[0].bias.mul_(factor)
        network[3].weight.div_(factor)
    return network


def permuted(network: nn.Module, order: Tensor) -> nn.Module:
    """The same function with hidden units in another order."""
    with torch.no_grad():
        network[0].weight.copy_(network[0].weight[order])
        network[0].bias.copy_(network[0].bias[order])
        network[3].weight.copy_(inputs_in(network[3].weight, order))
    return network


def inputs_in(weight: Tensor, order: Tensor) -> Tensor:
    """The linear layer's weight, or scores of it, with its input channels in that order."""
    return weight.unflatten(1, (4, 4))[:, order].flatten(1)


@pytest.fixture
def turned() -> Callable[[nn.Module, Tensor], nn.Module]:
    return permuted


@pytest.fixture
def stretched() -> Callable[[nn.Module, float], nn.Module]:
    return rescaled


@pytest.fixture
def inputs_turned() -> Callable[[Tensor, Tensor], Tensor]:
    return inputs_in


@pytest.fixture
def samples() -> tuple[Tensor, Tensor]:
    """All samples that `scored` shows to criteria."""
    return INPUTS, TARGETS
