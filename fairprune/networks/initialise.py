"""Initialisation as a pure function of a seed and the network's current shapes, on any device."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from fairprune.errors import NetworkError


def initialise(network: nn.Module, seed: int) -> None:
    """Re-initialise every parameter and buffer, in place; a pruned network gets the fan-in that it has now.

    Each module's `reset_parameters` runs first, children before parents, then the network's own `initialise()` where
    it has one. The draw is made on the CPU, so it does not depend on the device; global random state is untouched.
    Left alone are integer buffers that no module resets and non-persistent ones: they are structure, not state.
    Raises NetworkError, the network unchanged, naming what no module resets.
    """
    fresh = copy.deepcopy(network).to("cpu")
    state = dict(_state(fresh))
    for tensor in state.values():
        tensor.fill_(torch.nan)  # whatever is not reset stays NaN, and whatever read an old value becomes it
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        _reset(fresh)
    stale = [name for name, tensor in state.items() if tensor.isnan().any()]
    if stale:
        more = f" and {len(stale) - 3} more" if len(stale) > 3 else ""
        raise NetworkError(
            f"{type(network).__name__} cannot be initialised: nothing resets {', '.join(stale[:3])}{more}"
            " (expected reset_parameters() on their module, or initialise() on the network)"
        )
    with torch.no_grad():
        for old, new in zip(_tensors(network), _tensors(fresh), strict=True):
            old.copy_(new)


def kaiming_fan_out(network: nn.Module) -> None:
    """Convolutions from N(0, 2 / (k * k * out)), He et al. 2015 (arXiv:1502.01852), as the networks' authors do."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def _reset(network: nn.Module) -> None:
    for module in reversed(list(network.modules())):
        # nn.MultiheadAttention and nn.Transformer name theirs with an underscore
        reset = getattr(module, "reset_parameters", None) or getattr(module, "_reset_parameters", None)
        if callable(reset):
            reset()
    own = getattr(network, "initialise", None)
    if callable(own):
        own()


def _tensors(network: nn.Module) -> Iterator[Tensor]:
    yield from network.parameters()
    yield from network.buffers()


def _state(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Floating-point parameters and persistent buffers, detached: what must not survive."""
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            yield name, tensor
