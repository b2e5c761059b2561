from __future__ import annotations

import pytest
from torch import nn

from fairprune.errors import PruneError
from fairprune.pruning.granularity.spare import spared

NETWORK = nn.ModuleDict({"stem": nn.Conv2d(1, 1, 1), "fc1": nn.Linear(1, 1), "fc2": nn.Linear(1, 1)})
LAYERS = ["stem", "fc1", "fc2"]


def test_patterns_and_the_classifier() -> None:
    assert spared(NETWORK, LAYERS, ["classifier"]) == ["fc2"]
    assert spared(NETWORK, LAYERS, ["fc*", "stem"]) == LAYERS
    assert spared(NETWORK, LAYERS, []) == []
    assert spared(NETWORK, ["stem"], ["classifier"]) == []  # a network without linear layers has none to spare


def test_a_pattern_without_a_match_is_refused() -> None:
    with pytest.raises(PruneError, match=r"unknown layer to spare 'fc3'; did you mean 'fc2'"):
        spared(NETWORK, LAYERS, ["stem", "fc3"])
