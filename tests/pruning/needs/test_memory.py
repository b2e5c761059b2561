"""Streams hold sums, not samples: memory beyond the network's own, in multiples of its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile

from fairprune.pruning.calibration import Source, weights_of
from fairprune.pruning.needs.flow import flow
from fairprune.pruning.needs.gates import unit_gates
from fairprune.pruning.needs.gradients import gradient_stream
from fairprune.pruning.needs.hessian import hessian_product
from fairprune.pruning.needs.means import means
from fairprune.pruning.needs.outputs import outputs

WIDTH = 512
LAYERS = ("0", "2")


def drained(stream: Iterator[object]) -> None:
    for _ in stream:
        pass


Need = Callable[[Source, dict[str, Tensor]], object]
NEEDS: dict[str, tuple[Need, float]] = {
    "gradients": (lambda source, weights: means(source, weights, ["gradients", "activations"]), 2),
    # the gradients before these are still with the criterion
    "one by one": (lambda source, weights: drained(gradient_stream(source, weights, 1)), 3),
    "over batches": (lambda source, weights: drained(gradient_stream(source, weights, 5)), 3),
    "gates": (lambda source, weights: drained(unit_gates(source, weights, 5)), 0),
    "hessian": (lambda source, weights: hessian_product(source, weights, weights), 3),
    "outputs": (lambda source, weights: drained(outputs(source, list(weights))), 0),
    # its copy in fp64, and of the half that is looked at, the gradient in fp64 and what is made of it
    "flow": (lambda source, weights: flow(source, weights), 3.5),
}


@pytest.mark.parametrize("name", NEEDS)
def test_memory_does_not_grow_with_the_samples(name: str) -> None:
    network = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH)).eval()
    weights, (need, times) = weights_of(network, LAYERS), NEEDS[name]
    whole = sum(weight.numel() * weight.element_size() for weight in weights.values())

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        yield from ((torch.ones(4, WIDTH), torch.zeros(4, dtype=torch.int64)) for _ in range(8))

    source = Source(network, batches, F.cross_entropy, torch.zeros(1, WIDTH))
    need(source, weights)
    found = peak(lambda: need(source, weights))
    assert found < (times + 0.1) * whole
    assert found > (times - 0.6) * whole  # so that it is measured at all


def peak(run: Callable[[], object]) -> int:
    """Most bytes that are allocated at a time while it runs, less those before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        run()
    events = profiler.profiler.kineto_results.events()
    changes = sorted((event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]")
    most = held = 0
    for _, change in changes:
        held += change
        most = max(most, held)
    return most
