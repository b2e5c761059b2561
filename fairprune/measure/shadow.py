"""Running a network without touching it: on a copy that has its structure but none of its numbers."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from fairprune.errors import FairpruneError

T = TypeVar("T")


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
    """What `run` returns for a shadow of the network and of the example, without gradients.

    Networks that need real numbers to run (tensors kept outside of buffers, sizes read from values) get a full copy
    instead. The network, its training flags, statistics, gradients and the generators of torch stay as they were.
    """
    devices = [example.device] if example.device.type == "cuda" else []
    with torch.no_grad(), torch.random.fork_rng(devices=devices):
        try:
            with torch.device("meta"):
                return run(shadow(network), torch.empty_like(example, device="meta", requires_grad=False))
        except FairpruneError:
            raise
        except Exception:
            if example.device.type == "meta":
                raise
            return run(copy.deepcopy(network), example)
