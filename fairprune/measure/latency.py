"""Measured latency and throughput of networks, in turn. They depend on the machine, its threads and the batch size.

Counted multiply-adds say what a network would take if every one took the same time. They do not: small layers leave a
processor idle, memory is slower than arithmetic, and odd numbers of channels suit no kernel. So speedup is measured, on
the machine that counts, of the dense and the pruned network in the same rounds.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from fairprune import seeds
from fairprune.errors import SpecError
from fairprune.measure.accuracy import Precision
from fairprune.measure.machine import device_name, processor
from fairprune.measure.memory import peak_memory
from fairprune.measure.timing import Estimate, Timer, in_turn, median, quartiles, ratio

Clock: TypeAlias = Callable[[], float]
Call: TypeAlias = Callable[[], object]


@dataclass(frozen=True)
class Conditions:
    """How it is measured. `seconds`: the budget of each batch size, without warming up; `threads` 0: as they are."""

    batch_sizes: tuple[int, ...] = (1, 128)
    seconds: float = 3.0
    device: str = "cpu"
    threads: int = 0
    channels_last: bool = False
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        if not self.batch_sizes or min(self.batch_sizes) < 1:
            raise SpecError(f"batch sizes {list(self.batch_sizes)}: expected at least one, all of 1 or more")
        if self.seconds <= 0:
            raise SpecError(f"{self.seconds:g} seconds to measure in: expected more than 0")
        if self.device.partition(":")[0] not in ("cpu", "cuda"):
            raise SpecError(f"device '{self.device}': latency is measured on cpu and cuda")

    def __str__(self) -> str:
        """The machine and the rest, e.g. "AMD EPYC, cpu, 1 thread, fp32, contiguous, torch 2.13.0"."""
        threads = self.threads or torch.get_num_threads()
        where = [processor(), device_name(self.device), f"{threads} thread{'s' if threads > 1 else ''}"]
        layout = "channels last" if self.channels_last else "contiguous"
        return ", ".join([*where, self.precision, layout, f"torch {torch.__version__}"])


@dataclass(frozen=True)
class Timed:
    """Networks at one batch size. `seconds` of a batch, a value a round; `memory` in bytes, beyond the weights."""

    batch_size: int
    seconds: Mapping[str, tuple[float, ...]]
    memory: Mapping[str, int] = field(default_factory=dict)

    @property
    def rounds(self) -> int:
        """How often each was timed."""
        return len(next(iter(self.seconds.values())))

    def latency(self, name: str) -> Estimate:
        """Median seconds of a batch."""
        return median(self.seconds[name])

    def middle_half(self, name: str) -> tuple[float, float]:
        """First and third quartile of the seconds of a batch."""
        return quartiles(self.seconds[name])

    def throughput(self, name: str) -> float:
        """Samples a second, at the median."""
        return self.batch_size / self.latency(name).value

    def speedup(self, name: str, over: str = "dense") -> Estimate:
        """How many times faster than another, the median of what the rounds say."""
        return ratio(self.seconds[over], self.seconds[name])


def compare_latency(networks: Mapping[str, nn.Module], example: Tensor, conditions: Conditions) -> tuple[Timed, ...]:
    """The networks in turn, at each batch size, in evaluation mode without gradients; they are left as they are.

    Each is run by torch, operation by operation, nothing fused or compiled, on random inputs of the shape of `example`
    [n, ...]. Each call ends before the next one begins.
    """
    device = torch.device(conditions.device)
    layout = torch.channels_last if conditions.channels_last else torch.contiguous_format
    with _threads(conditions.threads):
        placed = {name: _placed(network, device, layout) for name, network in networks.items()}
        return tuple(_at(size, placed, example, conditions) for size in conditions.batch_sizes)


def _at(size: int, networks: Mapping[str, nn.Module], example: Tensor, conditions: Conditions) -> Timed:
    layout = torch.channels_last if conditions.channels_last and example.ndim == 4 else torch.contiguous_format
    inputs = batch(example, size).to(conditions.device, memory_format=layout)
    autocast = torch.autocast(inputs.device.type, torch.bfloat16, enabled=conditions.precision == "bf16")
    with autocast, torch.cuda.device(inputs.device) if inputs.is_cuda else nullcontext():
        memory = {name: peak_memory(network, inputs) for name, network in networks.items()}
        calls = [_call(network, inputs) for network in networks.values()]
        with torch.inference_mode():
            seconds = in_turn([timer(call, inputs.device) for call in calls], conditions.seconds)
    return Timed(size, dict(zip(networks, seconds, strict=True)), memory)


def _call(network: nn.Module, inputs: Tensor) -> Call:
    return lambda: network(inputs)


def batch(example: Tensor, size: int) -> Tensor:
    """So many samples like an example's first: the same every time, drawn from a normal distribution if floating."""
    if not example.is_floating_point():
        return example[:1].cpu().repeat(size, *[1] * (example.ndim - 1))
    return torch.randn(size, *example.shape[1:], generator=seeds.generator("latency")).to(example.dtype)


def timer(call: Call, device: torch.device) -> Timer:
    """A timer of calls: by the clock on the CPU, by events of the stream on CUDA."""
    if device.type == "cuda":
        events: list[Any] = [torch.cuda.Event(enable_timing=True) for _ in range(2)]  # type: ignore[no-untyped-call]
        return by_events(call, events)
    return by_clock(call)


def by_clock(call: Call, clock: Clock = time.perf_counter) -> Timer:
    """A timer of calls that have ended when they return."""

    def timed(calls: int) -> float:
        start = clock()
        for _ in range(calls):
            call()
        return clock() - start

    return timed


def by_events(call: Call, events: Sequence[Any]) -> Timer:
    """A timer of calls that only queue work on a GPU: between two events, each call waited for before the next."""
    start, end = events

    def timed(calls: int) -> float:
        total = 0.0
        for _ in range(calls):
            start.record()
            call()
            end.record()
            end.synchronize()
            total += start.elapsed_time(end) / 1000  # milliseconds
        return total

    return timed


def _placed(network: nn.Module, device: torch.device, layout: torch.memory_format) -> nn.Module:
    """A copy to be measured. Only weights of 2-d convolutions have a layout to choose."""
    placed = copy.deepcopy(network).eval().to(device)
    for module in placed.modules():
        if isinstance(module, nn.Conv2d):
            module.to(memory_format=layout)  # type: ignore[call-overload]
    return placed


@contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
