"""Running a network without touching it: on a copy that has its structure but none of its numbers."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from fairprune.errors import FairpruneError

T = TypeVar("T")
SMALL = 50_000_000  # parameters up to which a real copy runs faster than a shadow, whose first use imports a compiler


def shadow(network: nn.Module) -> nn.Module:
    """A copy whose parameters and buffers live on the meta device: no memory, and nothing shared with the original."""
    memo: dict[int, object] = {}
    for parameter in network.parameters():
        empty = torch.empty_like(parameter, device="meta", requires_grad=False)
        memo[id(parameter)] = nn.Parameter(empty, requires_grad=parameter.requires_grad)
    for buffer in network.buffers():
        memo[id(buffer)] = torch.empty_like(buffer, device="meta", requires_grad=False)
    return copy.deepcopy(network, memo)


def rehearse(network: nn.Module, example: Tensor, run: Callable[[nn.Module, Tensor], T]) -> T:
    """What `run` returns for a copy of a small network, or a shadow of a large one, without gradients.

    Large networks that need real numbers to run (tensors kept outside of buffers, sizes read from values) get a full
    copy too. The network, its training flags, statistics, gradients and the generators of torch stay as they were.
    """
    devices = [example.device] if example.device.type == "cuda" else []
    small = example.device.type != "meta" and sum(p.numel() for p in network.parameters()) <= SMALL
    with torch.no_grad(), torch.random.fork_rng(devices=devices):
        if small:
            return run(copy.deepcopy(network), example)
        try:
            with torch.device("meta"):
                return run(shadow(network), torch.empty_like(example, device="meta", requires_grad=False))
        except FairpruneError:
            raise
        except Exception:
            if example.device.type == "meta":
                raise
            return run(copy.deepcopy(network), example)
