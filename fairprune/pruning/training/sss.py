"""Sparse structure selection: factors on whole structures, driven to zero, Huang and Wang 2018, arXiv:1707.01213."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fairprune.errors import PruneError
from fairprune.hook import Hook, Now
from fairprune.pruning.granularity.blocks import BlockSpace
from fairprune.pruning.granularity.channels import ChannelSpace
from fairprune.pruning.granularity.modules import BATCH_NORMS
from fairprune.pruning.granularity.residual import residuals
from fairprune.pruning.granularity.trace import Tracer
from fairprune.pruning.granularity.weights import PRUNABLE
from fairprune.pruning.space import Space
from fairprune.pruning.training_method import Setting, training_method

FACTORS = "sss_factors"  # a buffer of the network while it trains: the best epoch's weights come with its factors


@training_method(paper="arXiv:1707.01213", granularities=("block", "channel"), bound=False, allocation="global")
def sss(setting: Setting, *, gamma: float = 0.01, momentum: float = 0.9) -> Hook:
    """Scale what every unit yields by a factor, and minimise loss + gamma * sum |factor| by `proximal_step`.

    A block's factor acts on what its residual branch adds to the shortcut. A channel's acts behind the batch norm that
    follows its layer, or on the layer where none does directly; coupled channels have one in common. Factors begin at 1
    and do not decay; they share the learning rate of the weights, and have a `momentum` of their own. Defaults are
    those of the released ImageNet configuration.

    Scores are the factors after the last step. They are multiplied into the weights, so the network computes what it
    did, and a block whose factor is 0 goes without a trace. Raises PruneError for a block whose branch does not end in
    one batch norm, convolution or linear layer.

    Deviations: in the paper gamma alone decides how much goes; here the target does, and takes those at 0 first.
    Weights are moved by the recipe's optimizer, in the paper by SGD with Nesterov momentum. The paper knows no coupled
    channels.
    """
    if not gamma >= 0 or not 0 <= momentum < 1:
        raise PruneError(f"sss: gamma {gamma:g} and momentum {momentum:g}, expected 0 or more and from 0 to below 1")
    network, space = setting.network, setting.space
    gates = _gates(network, space)
    units = sum(group.size for group in space.groups)
    factors = torch.ones(units, device=next(network.parameters()).device, requires_grad=True)
    speed = torch.zeros_like(factors, requires_grad=False)
    hooks = [gate.put_on(factors) for gate in gates]
    network.register_buffer(FACTORS, factors)

    def on_step(now: Now) -> None:
        if factors.grad is not None:
            proximal_step(factors, factors.grad, speed, now.rate, gamma, momentum)
            factors.grad = None

    def finish() -> Mapping[str, Tensor]:
        for hook in hooks:
            hook.remove()
        delattr(network, FACTORS)
        found = factors.detach()
        for gate in gates:
            gate.fold(found)
        if isinstance(space, ChannelSpace):
            sides = {layer: torch.from_numpy(space.units.sides[f"{layer}/out"]) for layer in space.layers}
            return {layer: _picked(found.cpu(), units) for layer, units in sides.items()}
        parts = torch.split(found.cpu(), [group.size for group in space.groups])
        return {group.name: part for group, part in zip(space.groups, parts, strict=True)}

    return Hook(on_step=on_step, finish=finish, tensors={"speed": speed})


def proximal_step(factors: Tensor, gradient: Tensor, speed: Tensor, rate: float, gamma: float, momentum: float) -> None:
    """One step of the accelerated proximal gradient method, on factors and speed in place (equations 10 to 12).

    z = S(factors - rate * gradient), with S(x) = sign(x) * max(|x| - rate * gamma, 0)
    speed = z - factors + momentum * speed
    factors = z + momentum * speed, but not below 0

    The bound is the released code's; without it a factor would swing about 0 until its momentum is spent.
    """
    with torch.no_grad():
        z = nn.functional.softshrink(factors - rate * gradient, rate * gamma)
        speed.mul_(momentum).add_(z - factors)
        factors.copy_((z + momentum * speed).clamp_(min=0))


@dataclass(frozen=True)
class _Gate:
    """Where factors act: on what a module yields.

    units   unit of each of its outputs, [out], or of all of them, []; -1: of none, they stay as they are
    axis    dimension of the output that `units` goes along
    dim     dimension of the weight that makes these outputs
    """

    module: nn.Module
    units: Tensor
    axis: int
    dim: int = 0

    def put_on(self, factors: Tensor) -> torch.utils.hooks.RemovableHandle:
        """Scale what the module yields from now on, by the factors as they are at each call."""

        def scale(_module: nn.Module, _args: object, out: Tensor) -> Tensor:
            factor = _picked(factors, self.units).to(out.dtype)
            return out * (_along(factor, out.ndim, self.axis) if factor.ndim else factor)

        return self.module.register_forward_hook(scale)

    def fold(self, factors: Tensor) -> None:
        """Scale the module's weight and bias instead."""
        factor = _picked(factors, self.units)
        weight, bias = (self.module._parameters.get(name) for name in ("weight", "bias"))
        with torch.no_grad():
            if weight is not None:
                weight.mul_(_along(factor, weight.ndim, self.dim) if factor.ndim else factor)
            if bias is not None:
                bias.mul_(factor)


def _picked(factors: Tensor, units: Tensor) -> Tensor:
    """The factor of each unit, and 1 for number -1."""
    return torch.cat([factors, factors.new_ones(1)])[units]


def _along(factor: Tensor, ndim: int, axis: int) -> Tensor:
    shape = [1] * ndim
    shape[axis] = -1
    return factor.reshape(shape)


def _gates(network: nn.Module, space: Space) -> list[_Gate]:
    if isinstance(space, BlockSpace):
        return _of_blocks(network, space)
    if isinstance(space, ChannelSpace):
        return _of_channels(network, space)
    raise PruneError(f"sss scales blocks or channels, not units of granularity '{space.granularity}'")


def _of_blocks(network: nn.Module, space: BlockSpace) -> list[_Gate]:
    found = residuals(network)
    gates = []
    for number, name in enumerate(block for group in space.groups for block in space.blocks[group.name]):
        if name not in found:  # removed in an earlier round
            continue
        block = found[name]
        end = network.get_submodule(block.branch) if block.branch else None
        while isinstance(end, nn.Sequential) and len(end):
            end = end[-1]
        if block.additions != 1 or not isinstance(end, (*PRUNABLE, *BATCH_NORMS)) or end.weight is None:
            raise PruneError(
                f"sss scales the residual branch of block '{name}', which has to end in one batch norm with a scale, "
                "convolution or linear layer: spare that block"
            )
        gates.append(_Gate(end, torch.tensor(number, device=end.weight.device), 0))
    return gates


def _of_channels(network: nn.Module, space: ChannelSpace) -> list[_Gate]:
    device = next(network.parameters()).device
    readers = _readers(network)
    gates: dict[str, _Gate] = {}
    for layer in space.layers:
        norm = space.batch_norm_of.get(layer, "")
        name = norm if readers[layer] == {norm} else layer  # else something would see the channels unscaled
        module, axis, dim = network.get_submodule(name), 1, 0
        if name == layer:
            axis, dim = -1 if isinstance(module, nn.Linear) else 1, space.producers[layer]
        elif module._parameters.get("weight") is None:
            raise PruneError(
                f"sss scales batch norm '{norm}' behind layer '{layer}', which has no scale: spare that layer"
            )
        units = torch.from_numpy(space.units.sides[f"{name}/out"]).to(device)
        gates[name] = _Gate(module, units, axis, dim)
    return list(gates.values())


def _readers(network: nn.Module) -> dict[str, set[str]]:
    """Module -> the modules that its output goes to, "?" for an operation that is none, over all of its calls."""
    readers: dict[str, set[str]] = {}
    for node in Tracer().trace(copy.deepcopy(network)).nodes:
        if node.op == "call_module":
            found = {str(user.target) if user.op == "call_module" else "?" for user in node.users}
            readers.setdefault(str(node.target), set()).update(found)
    return readers
