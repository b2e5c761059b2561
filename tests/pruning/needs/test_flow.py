"""Synaptic flow, against the authors' recipe on a copy of the network, and by hand."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairprune.errors import PruneError
from fairprune.pruning.calibration import Source, untouched, weights_of
from fairprune.pruning.needs.flow import flow


def source_of(network: nn.Module, example: Tensor) -> Source:
    return Source(network.eval(), list, F.cross_entropy, example)


def filled(network: nn.Module, **parameters: list[float] | list[list[float]]) -> nn.Module:
    with torch.no_grad():
        for name, values in parameters.items():
            network.get_parameter(name.replace("_", ".")).copy_(torch.tensor(values))
    return network


def test_flow_by_hand() -> None:
    network = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 1)})
    chain = nn.Sequential(network["a"], nn.ReLU(), network["b"])
    filled(network, a_weight=[[1, -2], [0, 3]], a_bias=[-1, 0], b_weight=[[-5, 7]], b_bias=[-9])
    source = source_of(chain, torch.randn(3, 2))
    found = flow(source, weights_of(chain, ["0", "2"]))
    # into b flow 1 + 2 + |bias 1| and 0 + 3, out of it 5 * 4 + 7 * 3 + |bias 9|
    assert torch.equal(found["0"] * 50, torch.tensor([[1.0 * 5, 2 * 5], [0 * 7, 3 * 7]]))
    assert torch.equal(found["2"] * 50, torch.tensor([[5.0 * 4, 7 * 3]]))
    assert (source.meter.samples, source.meter.sample_passes) == (0, 3.0)


@pytest.fixture
def network() -> nn.Module:
    """Trained in so far as it has statistics of batch norm, among them negative means."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        result = nn.Sequential(
            *(nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
            *(nn.Conv2d(6, 4, 1, groups=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(16, 3)),
        )
        nn.init.normal_(result[1].weight)
        nn.init.normal_(result[1].bias)
        result.train()(torch.randn(8, 2, 6, 6) - 1)
    return result


@pytest.mark.parametrize(("dtype", "exact"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_flow_is_the_gradient_of_the_linearised_network(network: nn.Module, dtype: torch.dtype, exact: float) -> None:
    network, layers = network.to(dtype), ("0", "4", "9")
    with torch.no_grad():
        network[0].weight[1] = 0
        network[0].weight[0, 0, 0, 0] = -0.0
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    twin = copy.deepcopy(network).double().eval()
    for tensor in twin.state_dict().values():
        tensor.abs_()
    whole = twin(torch.ones(1, 2, 6, 6, dtype=torch.float64)).sum()
    whole.backward()
    with untouched(network):
        found = flow(source_of(network, torch.randn(5, 2, 6, 6)), weights_of(network, layers))
    for name in layers:
        weight = twin.get_submodule(name).weight
        assert torch.allclose(found[name].double(), weight * weight.grad / whole, rtol=exact, atol=0)
        assert found[name].dtype == dtype
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])
        assert torch.equal(tensor.signbit(), before[name].signbit())
        assert tensor.dtype == before[name].dtype
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_a_single_precision_network_may_be_so_deep_that_only_double_precision_holds_its_flow() -> None:
    network = nn.Sequential(*(nn.Linear(50, 50, bias=False) for _ in range(60)))
    for layer in network:
        nn.init.constant_(layer.weight, 2.0)  # R = 50 * 100^60
    found = flow(source_of(network, torch.zeros(1, 50)), weights_of(network, ["0", "59"]))
    for shares in found.values():  # all weights of a layer carry the same
        assert torch.allclose(shares, torch.full((50, 50), 1 / 2500), rtol=1e-6, atol=0)


class Tied(nn.Module):
    """A layer whose weight another one shares, and one that the output does not depend on."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.idle = (nn.Linear(2, 2, bias=False) for _ in range(3))
        self.two.weight = self.one.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.one(x))


def test_shared_and_idle_weights() -> None:
    network = Tied()
    nn.init.constant_(network.one.weight, -1.0)
    found = flow(source_of(network, torch.zeros(1, 2)), weights_of(network, ["one", "two", "idle"]))
    assert found["one"].tolist() == found["two"].tolist() == [[0.5, 0.5], [0.5, 0.5]]  # of 8, two ways of two each
    assert found["idle"].count_nonzero() == 0


def behind(module: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(2, 4), module, nn.Linear(4, 1))


@pytest.mark.parametrize(
    ("network", "example", "message"),
    [
        (behind(nn.LayerNorm(4)), torch.zeros(1, 2), "larger weights of layer '0' make less flow: .*layer norm"),
        (behind(nn.Softmax(1)), torch.zeros(1, 2), "larger weights of layer '0' make less flow"),
        (nn.Sequential(nn.Linear(2, 2)), torch.zeros(1, 2, dtype=torch.int64), "that can be ones, not torch.int64"),
        (nn.Sequential(nn.Linear(2, 2)), torch.zeros(1, 3), "does not run in fp64, which flow needs: .*shapes"),
    ],
)
def test_networks_without_a_flow_are_refused(network: nn.Module, example: Tensor, message: str) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for weight in network.parameters():
            nn.init.normal_(weight)
    with pytest.raises(PruneError, match=message):
        flow(source_of(network, example), weights_of(network, ["0"]))


def test_a_flow_that_overflows_is_refused() -> None:
    network = nn.Sequential(*(nn.Linear(1, 1, bias=False) for _ in range(12)))
    for layer in network:
        nn.init.constant_(layer.weight, 1e30)
    with pytest.raises(PruneError, match="the flow through the network is not finite, even in fp64"):
        flow(source_of(network, torch.zeros(1, 1)), weights_of(network, ["0"]))
    network.append(nn.Linear(1, 1))  # it adds what is finite, and what flows before it stops at once
    nn.init.constant_(network[12].weight, 1e30)
    nn.init.zeros_(network[0].weight)
    with pytest.raises(PruneError, match="the flow through layer '0' is not finite, even in fp64"):
        flow(source_of(network, torch.zeros(1, 1)), weights_of(network, ["0"]))


def test_where_nothing_flows_no_weight_has_a_share() -> None:
    network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 1, bias=False))
    nn.init.zeros_(network[0].weight)
    found = flow(source_of(network, torch.zeros(1, 2)), weights_of(network, ["0", "1"]))
    assert [shares.tolist() for shares in found.values()] == [[[0, 0], [0, 0]], [[0, 0]]]
