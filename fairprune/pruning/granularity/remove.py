"""Physical removal: a copy of a network whose modules are smaller."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import cast

import torch
from torch import Tensor, nn

from fairprune.errors import PruneError, unknown
from fairprune.networks.channel_pad import ChannelPad
from fairprune.pruning.granularity.modules import (
    BATCH_NORMS,
    CONVOLUTIONS,
    INSTANCE_NORMS,
    TRANSPOSED,
    is_depthwise,
)
from fairprune.pruning.plan import ChannelPlan

Kept = Tensor | None  # sorted positions; None: all


def remove_channels(network: nn.Module, plan: ChannelPlan) -> nn.Module:
    """A copy of the dense network in which only the plan's channels are left; the network itself stays as it is.

    Precision, device, training flags and requires_grad are kept; gradients and hooks are not. Raises PruneError if
    the plan names a module that is not there, cannot be made smaller, or is too small for the plan.
    """
    pruned = copy.deepcopy(network)
    modules = dict(pruned.named_modules())
    for name in sorted({side.rpartition("/")[0] for side in plan.kept}):
        if name not in modules:
            raise PruneError(unknown("module of a channel plan", name, modules))
        resize = RESIZE.get(type(modules[name]))
        if resize is None:
            kind = type(modules[name]).__name__
            raise PruneError(f"channel plan names '{name}', but a {kind} cannot be made smaller")
        try:
            resize(modules[name], plan.kept.get(f"{name}/out"), plan.kept.get(f"{name}/in"))
        except IndexError as error:
            raise PruneError(f"channel plan does not fit module '{name}' ({modules[name]}): {error}") from error
    for module in modules.values():
        forget(module)
    return pruned


def compose(first: ChannelPlan, second: ChannelPlan) -> ChannelPlan:
    """The plan for the dense network that does what `first`, and then `second` on the network it leaves, do."""
    kept = dict(first.kept)
    for side, indices in second.kept.items():
        kept[side] = kept[side][indices] if side in kept else indices
    return ChannelPlan(kept)


def forget(module: nn.Module) -> None:
    """Drop gradients and hooks."""
    for parameter in module._parameters.values():
        if parameter is not None:
            parameter.grad = None
    for hooks in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"):
        getattr(module, hooks).clear()


def _pick(module: nn.Module, name: str, kept: Kept, dim: int = 0) -> None:
    """Keep these positions of a parameter or buffer, in a storage of their own."""
    tensor: Tensor | None = getattr(module, name, None)
    if tensor is None or kept is None:
        return
    if len(kept) and not 0 <= int(kept[0]) <= int(kept[-1]) < tensor.shape[dim]:
        raise IndexError(f"it keeps position {int(kept[-1])} of {tensor.shape[dim]} in dimension {dim} of {name}")
    picked = tensor.detach().index_select(dim, kept.to(tensor.device))
    setattr(module, name, nn.Parameter(picked, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else picked)


def _resize_weights(module: nn.Module, out: Kept, into: Kept) -> None:
    """Convolution or linear layer: weight [out, in / groups, ...], transposed [in, out / groups, ...], bias [out]."""
    depthwise, transposed = is_depthwise(module), isinstance(module, TRANSPOSED)
    if depthwise:
        _resize_depthwise(module, out, into)
    else:
        _pick(module, "weight", out, 1 if transposed else 0)
        _pick(module, "weight", into, 0 if transposed else 1)
    _pick(module, "bias", out)
    prefix = ("in_features", "out_features") if isinstance(module, nn.Linear) else ("in_channels", "out_channels")
    _set(module, prefix[0], into)
    _set(module, prefix[1], out)
    if depthwise:
        _set(module, "groups", into)


def _resize_depthwise(module: nn.Module, out: Kept, into: Kept) -> None:
    """Weight [out, 1, ...], or transposed [in, out / in, ...]: both sides go together."""
    _pick(module, "weight", into if isinstance(module, TRANSPOSED) else out)


def _resize_norm(module: nn.Module, out: Kept, _into: Kept) -> None:
    for name in ("weight", "bias", "running_mean", "running_var"):
        _pick(module, name, out)
    _set(module, "num_features", out)


def _resize_slopes(module: nn.Module, out: Kept, _into: Kept) -> None:
    _pick(module, "weight", out)
    _set(module, "num_parameters", out)


def _resize_pad(module: nn.Module, out: Kept, into: Kept) -> None:
    """The kept output channels read what their sources have become; one whose source is gone cannot be kept."""
    _pick(module, "index", out)
    index = module.get_buffer("index")
    if into is not None:
        before = cast(ChannelPad, module).in_channels
        place = torch.full((before + 1,), -2, dtype=torch.int64, device=index.device)
        place[into.to(index.device)] = torch.arange(len(into), device=index.device)
        place[-1] = -1  # what index -1 reads: zeros stay zeros
        module.register_buffer("index", place[index], persistent=False)
    _set(module, "in_channels", into)
    _set(module, "out_channels", out)


def _set(module: nn.Module, attribute: str, kept: Kept) -> None:
    if kept is not None:
        setattr(module, attribute, len(kept))


RESIZE: Mapping[type[nn.Module], Callable[[nn.Module, Kept, Kept], None]] = MappingProxyType(
    {
        nn.Linear: _resize_weights,
        nn.PReLU: _resize_slopes,
        ChannelPad: _resize_pad,
        **dict.fromkeys((*CONVOLUTIONS, *TRANSPOSED), _resize_weights),
        **dict.fromkeys((*BATCH_NORMS, *INSTANCE_NORMS), _resize_norm),
    }
)
