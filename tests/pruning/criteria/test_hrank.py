"""Ranks of feature maps: by hand, and against numpy map by map."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fairprune.errors import PruneError
from fairprune.pruning.calibration import untouched
from fairprune.pruning.criteria.hrank import hrank
from fairprune.pruning.criterion import Context
from fairprune.pruning.scoring import score


def ranks(*batches: Tensor) -> list[float]:
    context = Context(
        {"conv": torch.zeros(batches[0].shape[1], 1)},
        torch.Generator(),
        "channel",
        outputs=lambda: iter([{"conv": batch} for batch in batches]),
    )
    return hrank(context).scores["conv"].tolist()


def test_ranks_by_hand() -> None:
    """Four maps [3, 3]: the identity, all ones, nothing but negative, one row that ReLU leaves."""
    maps = torch.stack([torch.eye(3), torch.ones(3, 3), -torch.eye(3), torch.tensor([[1.0], [-1], [-1]]).expand(3, 3)])
    assert ranks(maps[None]) == [3, 1, 0, 1]
    assert ranks(maps[None], torch.stack([maps, maps.flip(0)])) == [(3 + 3 + 1) / 3, 2 / 3, 1 / 3, (1 + 1 + 3) / 3]


def test_maps_of_one_dimension_and_features_count_whether_they_are_active() -> None:
    assert ranks(torch.tensor([[0.5, -1.0], [2.0, 1.0]])) == [1, 0.5]
    assert ranks(torch.tensor([[[1.0, 2.0], [-1.0, 0.0]]])) == [1, 0]


@pytest.mark.parametrize("shape", [(8, 8), (5, 9)])
def test_ranks_are_those_of_numpy(shape: tuple[int, int]) -> None:
    """Of products of small whole numbers, which have any rank up to the smaller side."""
    generator = torch.Generator().manual_seed(0)
    height, width = shape
    maps = torch.stack(
        [
            torch.randint(0, 3, (height, inner), generator=generator).float()
            @ torch.randint(0, 3, (inner, width), generator=generator).float()
            for _ in range(4)
            for inner in (1, 2, 3, 4, 5, 6)
        ]
    ).reshape(4, 6, height, width)
    oracle = np.linalg.matrix_rank(maps.numpy()).mean(0)
    assert ranks(maps[:1], maps[1:]) == pytest.approx(oracle.tolist())
    assert len(set(oracle)) > 3


def test_positive_scales_change_nothing() -> None:
    maps = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    assert ranks(maps * torch.tensor([4.0, 0.5, 1.0])[:, None, None]) == ranks(maps)
    assert ranks(maps.flip(1)) == ranks(maps)[::-1]


def test_maps_of_the_network_behind_batch_norm() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU())
        nn.init.constant_(network[1].bias, 0.5)
        network[1].bias.data[2] = -100  # dead
        images = torch.randn(5, 2, 6, 6)
    found = score(
        network,
        hrank,
        {},
        granularity="channel",
        layers=["0"],
        batches=lambda: [(images[:3], images), (images[3:], images)],
        loss=nn.functional.mse_loss,
        example=images,
        seed=0,
        batch_norm_of={"0": "1"},
    )
    with untouched(network), torch.no_grad():
        oracle = torch.linalg.matrix_rank(network(images)).double().mean(0)
    assert torch.allclose(found.scores["0"], oracle)
    assert oracle[2] == 0
    assert (found.samples, found.sample_passes) == (5, 5.0)


def test_what_cannot_be_ranked_is_refused() -> None:
    with pytest.raises(PruneError, match="maps of two dimensions, those of layer 'conv' have 3: spare it"):
        ranks(torch.zeros(1, 2, 3, 3, 3))
    with pytest.raises(PruneError, match="outputs of layer 'conv' are not finite"):
        ranks(torch.full((1, 2, 3, 3), torch.nan))
