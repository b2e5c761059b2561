"""What comes out of layers, batch by batch."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairprune.errors import PruneError
from fairprune.pruning.calibration import Source
from fairprune.pruning.needs.outputs import outputs


def test_outputs_of_the_batch_norm_behind_or_of_the_layer(source: Source) -> None:
    found = list(outputs(source, ["0", "5"]))
    batches = [batch for batch, _ in source.batches()]
    assert [part["0"].shape for part in found] == [(4, 4, 2, 2), (3, 4, 2, 2)]
    for part, batch in zip(found, batches, strict=True):
        assert torch.equal(part["0"], source.network[:2](batch))
        assert torch.equal(part["5"], source.network(batch))
        assert not part["0"].requires_grad
    bare = next(outputs(replace(source, batch_norm_of={}), ["0"]))["0"]
    assert torch.equal(bare, source.network[:1](batches[0]))


def test_each_batch_costs_one_pass_when_it_is_asked_for(source: Source) -> None:
    stream = outputs(source, ["0"])
    assert source.meter.sample_passes == 0
    next(stream)
    assert (source.meter.samples, source.meter.sample_passes) == (4, 4.0)
    assert not any(module._forward_hooks for module in source.network.modules())
    list(stream)
    assert (source.meter.samples, source.meter.sample_passes) == (7, 7.0)


def test_what_follows_in_place_does_not_reach_them() -> None:
    network = nn.Sequential(nn.Linear(1, 2, bias=False), nn.ReLU(inplace=True))
    nn.init.constant_(network[0].weight, -1.0)
    source = Source(network, lambda: [(torch.ones(1, 1), torch.zeros(1))], F.mse_loss, torch.zeros(1, 1))
    assert next(outputs(source, ["0"]))["0"].tolist() == [[-1.0, -1.0]]


def test_features_of_tokens_come_second() -> None:
    network = nn.Linear(3, 2)
    source = Source(network, lambda: [(torch.ones(4, 5, 3), torch.zeros(4))], F.mse_loss, torch.zeros(1, 5, 3))
    assert next(outputs(source, [""]))[""].shape == (4, 2, 5)


class Shared(nn.Module):
    """One layer that runs twice, and one that never does."""

    def __init__(self) -> None:
        super().__init__()
        self.twice, self.idle = nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.twice(self.twice(x))


@pytest.mark.parametrize(("layer", "times"), [("twice", 2), ("idle", 0)])
def test_layers_without_one_output_are_refused(layer: str, times: int) -> None:
    network = Shared()
    source = Source(network, lambda: [(torch.ones(1, 2), torch.zeros(1))], F.mse_loss, torch.zeros(1, 2))
    with pytest.raises(PruneError, match=f"layer '{layer}' runs {times} times for each sample, .*: spare that layer"):
        next(outputs(source, [layer]))
    assert not any(module._forward_hooks for module in network.modules())
