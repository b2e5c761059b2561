import math

import pytest
import torch

from fairprune.errors import PruneError
from fairprune.pruning.training.gradual import gradual
from fairprune.pruning.training.masked import masked, scores_of


def test_nothing_is_masked_at_first(begin):
    trained = begin(gradual)
    held = masked(trained.setting)
    assert held.masks() == {}
    assert held.saved() == 0
    held.hold()
    assert (trained.network[0].weight != 0).all()


def test_what_masks_save_is_by_positions(begin):
    trained = begin(gradual)
    held = masked(trained.setting)
    keep = {"0": torch.arange(100), "3": torch.arange(864), "7": torch.arange(0)}
    held.put(keep)
    dense = 144 * 64 + 864 * 9 + 1728 + 64  # positions: 8 x 8, 3 x 3, and one
    assert held.saved() == pytest.approx((44 * 64 + 1728) / dense)
    assert held.saved() == pytest.approx(1 - trained.course.macs(held.masks()) / dense)
    assert (trained.network[0].weight.flatten()[:100] != 0).all()
    assert (trained.network[0].weight.flatten()[100:] == 0).all()
    assert (trained.network[7].weight == 0).all()


def test_only_weights_are_masked(begin):
    with pytest.raises(PruneError, match="granularity 'weight', not 'channel'"):
        begin(gradual, granularity="channel")


def test_scores_are_finite():
    found = scores_of({"a": torch.tensor([math.nan, math.inf, -math.inf, 1.0])})["a"]
    assert found.isfinite().all()
    assert found[1] > found[3] > found[0] > found[2]
