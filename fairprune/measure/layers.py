"""How long each layer of a network takes, which its multiply-adds only hint at."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from fairprune.measure.conditions import Conditions
from fairprune.measure.timing import FEWEST, MOST


@dataclass
class _Watch:
    """Adds up the seconds of each layer in one forward pass; a layer that holds others has theirs in its own."""

    clock: Callable[[], float]
    started: dict[str, float] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)

    def enter(self, name: str, *_: object) -> None:
        self.started[name] = self.clock()

    def leave(self, name: str, *_: object) -> None:
        self.took[name] = self.took.get(name, 0.0) + self.clock() - self.started[name]


def layer_seconds(network: nn.Module, example: Tensor, size: int, conditions: Conditions) -> Mapping[str, float]:
    """Median seconds of a batch in each module without modules of its own, by name; "" is the whole network.

    Layers are called one by one, a GPU waited for after each, so that their sum is not the latency, which is better
    measured without looking on: this says how it is spread. As many passes as the seconds of `conditions` allow.
    """
    whole = conditions.placed(network)
    watch = _Watch(_clock(torch.device(conditions.device)))
    for name, module in whole.named_modules():
        if not name or not list(module.children()):
            module.register_forward_pre_hook(partial(watch.enter, name))
            module.register_forward_hook(partial(watch.leave, name))
    inputs = conditions.inputs(example, size)
    passes: list[Mapping[str, float]] = []
    start = watch.clock()
    with conditions.hold():
        while len(passes) <= FEWEST or (len(passes) < MOST and watch.clock() - start < conditions.seconds):
            watch.took = {}
            whole(inputs)
            passes.append(watch.took)
    return {name: statistics.median(seen[name] for seen in passes[1:]) for name in passes[0]}  # the first warms up


def _clock(device: torch.device) -> Callable[[], float]:
    if device.type != "cuda":
        return time.perf_counter

    def clock() -> float:
        torch.cuda.synchronize(device)
        return time.perf_counter()

    return clock
