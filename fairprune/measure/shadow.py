"""Running a network without touching it: on a copy that has its structure but none of its numbers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn

from fairprune.errors import FairpruneError, NetworkError, brief

T = TypeVar("T")
# Up to these sizes a real copy runs faster than a shadow, whose first use imports a compiler.
SMALL_NETWORK, SMALL_EXAMPLE = 50_000_000, 100_000  # parameters, elements


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
    """What `run` returns for a copy of a small network, or the shadow of a large one, without gradients.

    Large networks that need real numbers to run (tensors kept outside of buffers, sizes read from values) get a full
    copy too. The network, its training flags, statistics, gradients and the generators of torch stay as they were.
    """
    devices = [example.device] if example.device.type == "cuda" else []
    with torch.no_grad(), torch.random.fork_rng(devices=devices), _operation_by_operation():
        if _is_small(network, example):
            return run(copy.deepcopy(network), example)
        try:
            with torch.device("meta"):
                return run(shadow(network), torch.empty_like(example, device="meta", requires_grad=False))
        except FairpruneError:
            raise
        except Exception:
            if example.is_meta or any(parameter.is_meta for parameter in network.parameters()):
                raise
            return run(copy.deepcopy(network), example)


def check_runs(network: nn.Module, example: Tensor) -> None:
    """Raise NetworkError for a network that does not run on the example, in evaluation."""
    try:
        rehearse(network, example, lambda copied, inputs: copied.eval()(inputs))
    except FairpruneError:
        raise
    except Exception as error:
        raise does_not_run(network, example, error) from error


def does_not_run(network: nn.Module, example: Tensor, error: Exception) -> NetworkError:
    """What is to be said of a network that an example does not suit."""
    shape = list(example.shape)
    return NetworkError(f"{type(network).__name__} does not run on an example of shape {shape}: {brief(error)}")


def _is_small(network: nn.Module, example: Tensor) -> bool:
    meta = example.is_meta or any(parameter.is_meta for parameter in network.parameters())
    return (
        not meta and example.numel() <= SMALL_EXAMPLE and sum(p.numel() for p in network.parameters()) <= SMALL_NETWORK
    )


@contextmanager
def _operation_by_operation() -> Iterator[None]:
    """Attention in single operations rather than in one of its own, as it also runs in training."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
