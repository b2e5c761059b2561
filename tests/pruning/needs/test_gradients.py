"""Gradients of chunks of the calibration samples."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.func import grad
from torch.nn import functional as F

from fairprune.errors import PruneError
from fairprune.pruning.calibration import Source, weights_of
from fairprune.pruning.needs.gradients import gradient_stream


@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 5, 7, 100])
@pytest.mark.parametrize("temperature", [1.0, 20.0])
def test_chunks_of_any_size_are_exact(
    source: Source, weights: dict[str, Tensor], loss_of: Callable[..., Tensor], chunk: int, temperature: float
) -> None:
    """Against torch.func, in parts that pay no heed to the batches of 4 and 3."""
    found = list(gradient_stream(source, weights, chunk, temperature))
    starts = range(0, 7, chunk)
    assert len(found) == len(starts)
    plain = {name: weight.detach() for name, weight in weights.items()}
    for gradients, start in zip(found, starts, strict=True):
        oracle = grad(loss_of)(plain, slice(start, start + chunk), temperature)
        for name in weights:
            assert torch.allclose(gradients[name], oracle[name], rtol=1e-9, atol=1e-12)
    assert (source.meter.samples, source.meter.sample_passes) == (7, 21.0)


def test_a_stream_that_is_left_is_charged_for_what_it_did(source: Source, weights: dict[str, Tensor]) -> None:
    next(gradient_stream(source, weights, 2))
    assert source.meter.sample_passes == 3 * 2
    assert torch.is_grad_enabled()


def test_gradients_belong_to_the_criterion(source: Source, weights: dict[str, Tensor]) -> None:
    expected = [gradients["0"].clone() for gradients in gradient_stream(source, weights, 3)]
    kept = []
    with torch.no_grad():  # whatever mode the caller is in
        for gradients in gradient_stream(source, weights, 3):
            kept.append(gradients["0"].clone())
            gradients["0"].zero_()
    assert all(torch.equal(one, two) for one, two in zip(expected, kept, strict=True))
    assert all(weight.grad is None for weight in weights.values())


def test_a_layer_without_influence_has_gradient_zero(source: Source) -> None:
    source.network.add_module("idle", idle := nn.Identity())
    idle.add_module("fc", nn.Linear(2, 3))
    found = next(gradient_stream(source, weights_of(source.network, ["0", "idle.fc"]), 4))
    assert found["idle.fc"].shape == (3, 2)
    assert found["idle.fc"].count_nonzero() == 0


def test_what_cannot_be_done_is_one_line(source: Source, weights: dict[str, Tensor]) -> None:
    with pytest.raises(PruneError, match="chunks of 0 samples: expected at least 1"):
        gradient_stream(source, weights, 0)
    detached = replace(source, loss=lambda outputs, targets: F.cross_entropy(outputs.detach(), targets))
    with pytest.raises(PruneError, match="no gradient with respect to layer '0' or any other"):
        next(gradient_stream(detached, weights, 1))


def test_one_batch_is_held_at_a_time(network: nn.Module, weights: dict[str, Tensor]) -> None:
    alive: list[weakref.ref[Tensor]] = []

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        for _ in range(6):
            assert sum(ref() is not None for ref in alive) <= 1
            batch = torch.randn(3, 2, 4, 4, dtype=torch.float64)
            alive.append(weakref.ref(batch))
            yield batch, torch.zeros(3, dtype=torch.int64)

    source = Source(network.eval(), batches, F.cross_entropy, torch.zeros(1))
    assert len(list(gradient_stream(source, weights, 5))) == 4
