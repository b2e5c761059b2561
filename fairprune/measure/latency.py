"""Measured latency and throughput of networks, in turn. They depend on the machine, its threads and the batch size.

Counted multiply-adds say what a network would take if every one took the same time. They do not: small layers leave a
processor idle, memory is slower than arithmetic, and odd numbers of channels suit no kernel. So speedup is measured, on
the machine that counts, of the dense and the pruned network in the same rounds.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from fairprune.measure.conditions import Conditions
from fairprune.measure.memory import peak_memory
from fairprune.measure.timing import Estimate, Timer, in_turn, median, quartiles, ratio


@dataclass(frozen=True)
class Timed:
    """Networks at one batch size, by name: seconds of a batch, a value a round; bytes beyond the weights; all calls."""

    batch_size: int
    seconds: Mapping[str, tuple[float, ...]]
    memory: Mapping[str, int] = field(default_factory=dict)
    calls: Mapping[str, int] = field(default_factory=dict)

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
    with conditions.hold():
        placed = {name: conditions.placed(network) for name, network in networks.items()}
        return tuple(_at(size, placed, example, conditions) for size in conditions.batch_sizes)


def _at(size: int, networks: Mapping[str, nn.Module], example: Tensor, conditions: Conditions) -> Timed:
    inputs = conditions.inputs(example, size)
    memory = {name: peak_memory(network, inputs) for name, network in networks.items()}
    calls = Counter(list(networks))  # the one for memory
    timers = [
        _counted(name, timer(partial(network, inputs), inputs.device), calls) for name, network in networks.items()
    ]
    with torch.inference_mode():
        seconds = in_turn(timers, conditions.seconds)
    return Timed(size, dict(zip(networks, seconds, strict=True)), memory, calls)


def _counted(name: str, timed: Timer, counts: Counter[str]) -> Timer:
    def counted(calls: int) -> float:
        counts[name] += calls
        return timed(calls)

    return counted


def timer(call: Callable[[], object], device: torch.device) -> Timer:
    """A timer of calls: by the clock on the CPU, by events of the stream on CUDA."""
    if device.type == "cuda":
        events: list[Any] = [torch.cuda.Event(enable_timing=True) for _ in range(2)]  # type: ignore[no-untyped-call]
        return by_events(call, events)
    return by_clock(call)


def by_clock(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> Timer:
    """A timer of calls that have ended when they return."""

    def timed(calls: int) -> float:
        start = clock()
        for _ in range(calls):
            call()
        return clock() - start

    return timed


def by_events(call: Callable[[], object], events: Sequence[Any]) -> Timer:
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
