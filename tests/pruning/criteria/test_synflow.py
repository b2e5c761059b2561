"""Synaptic flow: conserved from layer to layer and at every hidden unit, and no layer collapses before the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from fairprune.pruning.criteria.snip import snip
from fairprune.pruning.criteria.synflow import synflow
from fairprune.pruning.criterion import Criterion

Scored = Callable[..., dict[str, Tensor]]
EXAMPLE = torch.zeros(1, 3, 8, 8)
LAYERS = ("0", "3", "8")


@pytest.fixture
def network() -> nn.Module:
    """As initialised, without biases of layers: what is conserved flows through weights alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            *(nn.Conv2d(3, 5, 3, padding=1, bias=False), nn.BatchNorm2d(5), nn.ReLU()),
            *(nn.Conv2d(5, 6, 3, stride=2, bias=False), nn.BatchNorm2d(6), nn.ReLU()),
            *(nn.AvgPool2d(3), nn.Flatten(), nn.Linear(6, 4, bias=False)),
        )


def test_scores_by_hand(scored: Scored) -> None:
    network = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[3.0, -4.0], [0.0, -1.0]]))
    [found] = scored(nn.Sequential(network), "synflow", layers=("0",), example=torch.zeros(1, 2)).values()
    assert torch.equal(found, torch.tensor([[3 / 8, 4 / 8], [0, 1 / 8]]))  # 3 + 4 and 1 flow out


def test_every_layer_carries_the_whole_flow(network: nn.Module, scored: Scored) -> None:
    for kind, exact in ((torch.float32, 1e-6), (torch.float64, 1e-12)):
        for part in scored(network.to(kind), "synflow", layers=LAYERS, example=EXAMPLE).values():
            assert part.dtype == kind
            assert float(part.double().sum()) == pytest.approx(1, rel=exact)


def test_what_flows_into_a_hidden_unit_flows_out_of_it(network: nn.Module, scored: Scored) -> None:
    for kind, exact in ((torch.float32, 1e-6), (torch.float64, 1e-12)):
        found = scored(network.to(kind), "synflow", layers=LAYERS, example=EXAMPLE)
        for before, after in pairwise(LAYERS):
            into = found[before].flatten(1).sum(1)
            out_of = found[after].transpose(0, 1).flatten(1).sum(1)
            assert torch.allclose(into, out_of, rtol=exact, atol=0)


def test_data_and_loss_are_not_looked_at(network: nn.Module, scored: Scored) -> None:
    def never(*_: object) -> Tensor:
        raise AssertionError

    found = scored(network, "synflow", layers=LAYERS, example=EXAMPLE, batches=never, loss=never)
    assert (found["0"] > 0).all()


WIDTHS = (8, 60, 60, 60, 4)


def masked_in_steps(scored: Scored, criterion: Criterion, steps: int, kept: int) -> tuple[nn.Module, list[int]]:
    """A chain of layers masked down to `kept` weights, exponentially over the steps; and what each layer keeps."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        parts = [(nn.Linear(i, o, bias=False), nn.ReLU()) for i, o in pairwise(WIDTHS)]
    network = nn.Sequential(*(module for part in parts for module in part)).double()
    layers = [str(2 * index) for index in range(len(parts))]
    weights = [network.get_submodule(name).get_parameter("weight") for name in layers]
    data = torch.rand(8, 8, generator=torch.Generator().manual_seed(0)).double(), torch.arange(8) % 4
    alive = [torch.ones_like(weight, dtype=torch.bool) for weight in weights]
    whole = sum(weight.numel() for weight in weights)
    for step in range(1, steps + 1):
        found = scored(network, criterion, layers=layers, example=data[0][:1], batches=lambda: [data])
        ranked = torch.cat([_flat(found, name, mask) for name, mask in zip(layers, alive, strict=True)])
        stays = torch.zeros_like(ranked, dtype=torch.bool)
        stays[ranked.topk(round(whole * (kept / whole) ** (step / steps))).indices] = True
        alive = [
            part.reshape(w.shape) for part, w in zip(stays.split([w.numel() for w in weights]), weights, strict=True)
        ]  # type: ignore[no-untyped-call]
        with torch.no_grad():
            for weight, mask in zip(weights, alive, strict=True):
                weight.mul_(mask)
    return network, [int(mask.sum()) for mask in alive]


def _flat(scores: Mapping[str, Tensor], name: str, mask: Tensor) -> Tensor:
    return scores[name].masked_fill(~mask, -torch.inf).flatten()


@pytest.mark.parametrize("kept", [12, 40])
def test_many_steps_leave_every_layer_connected(scored: Scored, kept: int) -> None:
    """Down to a few paths, of 8,000 weights: the flow from input to output never stops."""
    network, counts = masked_in_steps(scored, synflow, 100, kept)
    assert sum(counts) == kept
    assert min(counts) >= 1
    with torch.no_grad():
        for weight in network.parameters():
            weight.abs_()
        assert network(torch.ones(1, 8, dtype=torch.float64)).sum() > 0


@pytest.mark.parametrize(("criterion", "steps"), [(synflow, 1), (snip, 1)])
def test_in_one_step_layers_collapse(scored: Scored, criterion: Criterion, steps: int) -> None:
    """Which is why it is done in steps."""
    _, counts = masked_in_steps(scored, criterion, steps, 12)
    assert min(counts) == 0
