"""What a target leaves on the way to it."""

from functools import partial

import pytest
import torch
from torch import nn

from fairprune.measure.cost import count
from fairprune.pruning.allocation import global_, like, uniform
from fairprune.pruning.choosing import choose_for
from fairprune.pruning.granularity.weights import weight_space
from fairprune.spec import Target

NETWORK = nn.Sequential(nn.Linear(4, 10), nn.Linear(10, 5))  # 40 and 50 weights
COUNTS = {"0": 4, "1": 25}


@pytest.mark.parametrize(
    ("allocate", "expected"),
    [
        (partial(like, counts=COUNTS), {0.0: (40, 50), 0.5: (22, 38), 0.9: (8, 28), 1.0: (4, 25)}),
        (uniform, {0.0: (40, 50), 0.5: (30, 37), 1.0: (20, 25)}),
        (global_, {0.0: (40, 50), 0.5: (18, 50), 1.0: (0, 45)}),
    ],
)
def test_the_way_to_a_target_begins_with_everything_and_ends_in_its_counts(allocate, expected):
    cost = count(NETWORK, torch.zeros(1, 4))
    space = weight_space(NETWORK, cost.layers, spare=())
    scores = {"0": torch.arange(40.0).view(10, 4), "1": 100 + torch.arange(50.0).view(5, 10)}
    choose = choose_for(space, allocate, Target(axis="ratio", value=0.5), cost.size)
    found = {share: tuple(len(kept) for kept in choose(scores, share).values()) for share in expected}
    assert found == expected
