from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fairprune.errors import PruneError
from fairprune.pruning.calibration import Source, untouched, weights_of


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, groups=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.Linear(16, 3)
    )


def test_a_stream_counts_what_it_hands_out_and_begins_anew_each_time() -> None:
    parts = [(torch.zeros(size, 1), torch.zeros(size)) for size in (4, 0, 3)]
    source = Source(nn.Identity(), lambda: parts, F.mse_loss, torch.zeros(1))
    assert [len(batch) for batch, _ in source.stream(2.0)] == [4, 3]
    assert (source.meter.samples, source.meter.sample_passes) == (7, 14.0)
    next(source.stream(1.0))  # stopped half-way
    assert (source.meter.samples, source.meter.sample_passes) == (7, 18.0)
    empty = Source(nn.Identity(), list, F.mse_loss, torch.zeros(1))
    with pytest.raises(PruneError, match="calibration has no samples"):
        list(empty.stream(1.0))


def test_the_temperature_divides_outputs() -> None:
    source = Source(nn.Identity(), list, F.mse_loss, torch.zeros(1))
    assert source.mean_loss(torch.tensor([[6.0]]), torch.tensor([[1.0]]), 2.0).item() == 4.0


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


def test_batch_norms_may_normalise_by_the_batch_and_are_as_they_were_afterwards():
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Dropout(0.5))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    batch = 5 + torch.randn(16, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    with untouched(network, batch_statistics=True):
        inside = network(batch)
        assert not network[2].training
    assert inside.mean((0, 2, 3)).abs().max() < 1e-5
    assert (inside.var((0, 2, 3), unbiased=False) - 1).abs().max() < 1e-2
    with untouched(network):
        assert network(batch).mean((0, 2, 3)).abs().max() > 0.1  # by running statistics, which are 0 and 1
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
