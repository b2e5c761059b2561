"""Gradients for gates behind units: against the parameters that a gate would scale, and finite differences."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairprune.errors import PruneError
from fairprune.pruning.calibration import Source, weights_of
from fairprune.pruning.needs.gates import unit_gates, weight_gates
from fairprune.pruning.needs.gradients import gradient_stream


def scaled(module: nn.Module) -> Tensor:
    """What a gate behind the module has for a gradient: weight and bias are what it scales, [out]."""
    weight, bias = module.get_parameter("weight"), module.get_parameter("bias")
    assert weight.grad is not None
    assert bias.grad is not None
    return (weight * weight.grad).flatten(1).sum(1) if weight.dim() > 1 else weight * weight.grad + 0


@pytest.mark.parametrize("chunk", [1, 3, 7])
def test_the_gate_stands_behind_the_batch_norm(source: Source, weights: dict[str, Tensor], chunk: int) -> None:
    """gamma * dL/dgamma + beta * dL/dbeta (Molchanov et al. 2019); without a batch norm, weight and bias."""
    network = source.network
    nn.init.normal_(network.get_submodule("1").get_parameter("bias"))
    inputs, targets = (torch.cat(parts) for parts in zip(*source.batches(), strict=True))
    found = list(unit_gates(source, weights, chunk))
    assert source.meter.sample_passes == 3 * 7
    for part, some, theirs in zip(found, inputs.split(chunk), targets.split(chunk), strict=True):
        network.zero_grad()
        F.cross_entropy(network(some), theirs).backward()
        for layer, module in (("0", network.get_submodule("1")), ("5", network.get_submodule("5"))):
            bias = module.get_parameter("bias")
            assert bias.grad is not None
            assert torch.allclose(part[layer], scaled(module) + bias * bias.grad, rtol=1e-9, atol=1e-14)


def test_closing_a_gate_is_removing_the_unit_to_first_order() -> None:
    """By differences: of what follows a transposed convolution, and of a layer that runs twice."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up = nn.ConvTranspose2d(2, 6, 2, groups=2)
            self.again = nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.again(self.again(self.up(x)).tanh()).mean((1, 2))

    torch.manual_seed(0)
    network = Net().double()
    sample = torch.randn(5, 2, 2, 2, dtype=torch.float64), torch.arange(5) % 3
    source = Source(network, lambda: [sample], F.cross_entropy, sample[0])
    (found,) = unit_gates(source, weights_of(network, ["up", "again"]), 5)
    for layer, width, view in (("up", 6, (6, 1, 1)), ("again", 3, (3,))):
        for unit in range(width):
            gate = torch.ones(width, dtype=torch.float64)
            losses = []
            for step in (-1e-5, 1e-5):
                gate[unit] = 1 + step
                now = gate.clone().view(view)
                hook = network.get_submodule(layer).register_forward_hook(lambda _m, _i, out, now=now: out * now)
                losses.append(F.cross_entropy(network(sample[0]), sample[1]))
                hook.remove()
            assert found[layer][unit].item() == pytest.approx(((losses[1] - losses[0]) / 2e-5).item(), abs=1e-9)


def test_gates_of_weights_are_weights_times_gradients(source: Source, weights: dict[str, Tensor]) -> None:
    before = {name: weight.detach().clone() for name, weight in weights.items()}
    for gates, gradients in zip(weight_gates(source, weights, 3), gradient_stream(source, weights, 3), strict=True):
        assert all(torch.equal(gates[name], before[name] * gradients[name]) for name in weights)
    assert all(torch.equal(before[name], weight) for name, weight in weights.items())


def test_a_network_is_left_as_it_was_also_half_way(source: Source, weights: dict[str, Tensor]) -> None:
    before = source.network(source.example)
    next(unit_gates(source, weights, 2))
    assert torch.equal(source.network(source.example), before)
    assert not any(module._forward_hooks for module in source.network.modules())
    with pytest.raises(PruneError, match="chunks of 0 samples"):
        unit_gates(source, weights, 0)
