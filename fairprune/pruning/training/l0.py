"""L0 regularisation with hard concrete gates: Louizos et al. 2018, arXiv:1712.01312."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fairprune.errors import SpecError
from fairprune.hook import Hook, Now
from fairprune.pruning.granularity.channels import ChannelSpace
from fairprune.pruning.training.adam import adam
from fairprune.pruning.training_method import Setting, training_method

BETA, GAMMA, ZETA = 2 / 3, -0.1, 1.1  # temperature, and the interval that the concrete is stretched to (section 4)
MARGIN = 1e-6  # uniform draws keep this far from 0 and 1, as in the released code


@dataclass(frozen=True)
class Part:
    """A parameter under gates: its own value, which is trained, and the dimension along which gates lie."""

    parameter: nn.Parameter  # in the network: its value times the gates
    whole: Tensor
    dim: int | None  # None: one gate for every element


@dataclass(frozen=True)
class Gates:
    """The gates of a layer. `drawn` and `slope` are z and dz / d log_alpha of the latest draw."""

    log_alpha: Tensor
    drawn: Tensor
    slope: Tensor
    parts: tuple[Part, ...]
    weights: int  # behind each gate


@training_method(
    paper="arXiv:1712.01312", granularities=("channel", "weight"), start="init", bound=False, allocation="global"
)
def l0(setting: Setting, *, strength: float = 0.1, dropout: float = 0.5, rate: float = 1e-3) -> Hook:
    """Multiply weights, or output units, by gates that are often 0, and penalise the expected number of weights left.

    The penalty is `strength` / samples * that number (the default is the paper's lambda for a fully connected network
    on MNIST; 0.001 and 0.002 for wide ResNets). log alpha starts around log((1 - dropout) / dropout). Gates are drawn
    once a step; validation and the network that is left have their deterministic values (equation 13). Scores: log
    alpha. It is trained by Adam at `rate`, not decayed; weights as the recipe says. The paper's other penalty, on
    squared weights, is the recipe's weight decay.

    Deviations: the target decides how many gates close, by log alpha, and not their values. Where a batch norm follows
    a unit, the gate multiplies its scale and shift, since it would undo a gate in front of it; else weight and bias (in
    the released code always the weight). In short trainings the rate of log alpha is raised to 10 / steps, so that it
    can arrive.
    """
    if strength < 0 or not 0 < dropout < 1:
        raise SpecError(f"l0: strength = {strength:g} and dropout = {dropout:g}, expected at least 0, and 0 to 1")
    gates = gates_of(setting, math.log((1 - dropout) / dropout))
    learnt = {f"log_alpha/{layer}": gate.log_alpha for layer, gate in gates.items()}
    optimizer, tensors = adam(learnt, rate, setting.steps)
    for layer, gate in gates.items():
        tensors |= {f"whole/{layer}/{index}": part.whole for index, part in enumerate(gate.parts)}

    def before(network: nn.Module, _inputs: object) -> None:
        for gate in gates.values():
            _fold(gate, draw(gate) if network.training else settled(gate.log_alpha))

    def after(network: nn.Module, _inputs: object, _out: object) -> None:
        if not network.training:  # there is no gradient to wait for
            for gate in gates.values():
                _unfold(gate)

    def penalty(_: Now) -> Tensor:
        expected = [gate.weights * open_probability(gate.log_alpha).sum() for gate in gates.values()]
        return strength / setting.samples * torch.stack(expected).sum()

    def on_gradients(_: Now) -> None:
        for gate in gates.values():
            _take(gate)

    def on_step(_: Now) -> None:
        for gate in gates.values():
            for part in gate.parts:
                part.whole.copy_(part.parameter.detach())
        optimizer.step()
        optimizer.zero_grad()

    def finish() -> dict[str, Tensor]:
        for handle in handles:
            handle.remove()
        for gate in gates.values():
            _fold(gate, settled(gate.log_alpha))
        return {layer: gate.log_alpha.detach().clone() for layer, gate in gates.items()}

    handles = [setting.network.register_forward_pre_hook(before), setting.network.register_forward_hook(after)]
    return Hook(
        penalty=penalty,
        on_gradients=on_gradients,
        on_step=on_step,
        finish=finish,
        tensors=tensors,
    )


def open_probability(log_alpha: Tensor) -> Tensor:
    """The probability that a gate is not 0 (equation 12)."""
    return torch.sigmoid(log_alpha - BETA * math.log(-GAMMA / ZETA))


def settled(log_alpha: Tensor) -> Tensor:
    """The deterministic gate (equation 13)."""
    return (torch.sigmoid(log_alpha) * (ZETA - GAMMA) + GAMMA).clamp(0, 1)


def hard_concrete(log_alpha: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """Gates from draws between 0 and 1 (equations 10 and 11), and their derivative by log alpha."""
    concrete = torch.sigmoid((torch.logit(uniform) + log_alpha) / BETA)
    stretched = concrete * (ZETA - GAMMA) + GAMMA
    slope = concrete * (1 - concrete) / BETA * (ZETA - GAMMA)
    return stretched.clamp(0, 1), slope * ((stretched > 0) & (stretched < 1))


def draw(gates: Gates) -> Tensor:
    """Gates for one step, from torch's own generators, which the loop seeds."""
    with torch.no_grad():
        uniform = torch.rand_like(gates.log_alpha) * (1 - 2 * MARGIN) + MARGIN
        drawn, slope = hard_concrete(gates.log_alpha, uniform)
        gates.slope.copy_(slope)
        return gates.drawn.copy_(drawn)


def gates_of(setting: Setting, start: float) -> dict[str, Gates]:
    """The gates of every layer, log alpha around `start` with a deviation of 0.01 (released code)."""
    gates = {}
    taken: set[int] = set()
    for layer in setting.space.layers:
        parts = _parts(setting, layer, taken)
        taken |= {id(part.parameter) for part in parts}
        weight = setting.network.get_parameter(f"{layer}.weight")
        shape = weight.shape if parts[0].dim is None else parts[0].parameter.shape[parts[0].dim :][:1]
        noise = torch.randn(shape, generator=setting.generator(f"gates of {layer}"))
        log_alpha = (start + 0.01 * noise).to(weight).requires_grad_()
        drawn, slope = (torch.zeros_like(log_alpha, requires_grad=False) for _ in range(2))
        gates[layer] = Gates(log_alpha, drawn, slope, parts, weight.numel() // log_alpha.numel())
    return gates


def _parts(setting: Setting, layer: str, taken: set[int]) -> tuple[Part, ...]:
    """The weight alone, or what makes the layer's output units: the batch norm behind, if it is this layer's only."""
    module, space = setting.network.get_submodule(layer), setting.space
    if not isinstance(space, ChannelSpace):
        return _held((module.get_parameter("weight"), None))
    behind = space.batch_norm_of.get(layer)
    norm = setting.network.get_submodule(behind)._parameters if behind else {}
    scale, shift = norm.get("weight"), norm.get("bias")
    if scale is not None and id(scale) not in taken:
        return _held((scale, 0), (shift, 0))
    return _held((module.get_parameter("weight"), space.producers[layer]), (module._parameters.get("bias"), 0))


def _held(*parts: tuple[nn.Parameter | None, int | None]) -> tuple[Part, ...]:
    return tuple(Part(p, p.detach().clone(), dim) for p, dim in parts if p is not None)


def _along(values: Tensor, part: Part) -> Tensor:
    """One value for each unit, laid out to be multiplied with the part."""
    if part.dim is None:
        return values
    return values.reshape([-1 if dim == part.dim else 1 for dim in range(part.whole.ndim)])


def _fold(gates: Gates, values: Tensor) -> None:
    """Put the parts times the gates into the network."""
    with torch.no_grad():
        for part in gates.parts:
            part.parameter.copy_(part.whole * _along(values, part))


def _unfold(gates: Gates) -> None:
    """Put the parts back into the network."""
    with torch.no_grad():
        for part in gates.parts:
            part.parameter.copy_(part.whole)


def _take(gates: Gates) -> None:
    """Turn gradients by the gated parameters into those by the parameters, which go back in, and by log alpha."""
    _unfold(gates)
    with torch.no_grad():
        for part in gates.parts:
            if part.parameter.grad is not None and gates.log_alpha.grad is not None:
                product = part.parameter.grad * part.whole
                if part.dim is not None:
                    product = product.transpose(0, part.dim).reshape(len(gates.log_alpha), -1).sum(1)
                gates.log_alpha.grad.addcmul_(product, gates.slope)  # the penalty has left one
                part.parameter.grad.mul_(_along(gates.drawn, part))
