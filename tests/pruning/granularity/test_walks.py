"""Choosing and mending group after group, in every way in which channels couple."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from fairprune.errors import PruneError
from fairprune.pruning.apply import load_weights_
from fairprune.pruning.criteria.thinet import thinet
from fairprune.pruning.granularity.channels import channel_space
from fairprune.pruning.granularity.remove import remove_channels
from fairprune.pruning.repairs.least_squares import least_squares
from fairprune.pruning.sequence import walk


def test_least_squares_brings_the_pruned_network_closer(graph: tuple[str, nn.Module, Tensor]) -> None:
    name, network, example = graph
    space = channel_space(network, example)
    images = torch.randn(64, *example.shape[1:], dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    counts = {group.name: max(1, group.size // 2) for group in space.groups}
    options = {"batches": lambda: [(images, torch.zeros(64))], "seed": 0}
    if name in ("sequence", "hourglass"):
        with pytest.raises(PruneError, match=r"\(ConvTranspose.d\) cannot be reconstructed: spare the layers whose"):
            walk(network, space, thinet, {}, counts, **options)
        return
    off = []
    for repair in (None, least_squares):
        walked = walk(network, space, thinet, {}, counts, **options, repair=repair)
        mended = copy.deepcopy(network)
        load_weights_(mended, walked.weights)
        small = remove_channels(mended, space.plan(walked.kept)).eval()
        with torch.no_grad():
            off.append(float((small(images) - network(images)).square().mean()))
    assert {group: len(kept) for group, kept in walked.kept.items()} == counts
    assert off[1] < off[0] / 1.5
