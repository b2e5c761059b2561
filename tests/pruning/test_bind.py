from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import nn

from fairprune.errors import PruneError, SpecError
from fairprune.pruning.allocation import given, global_, like
from fairprune.pruning.apply import space_of
from fairprune.pruning.bind import bind
from fairprune.pruning.plan import DensePlan
from fairprune.pruning.space import Counts, Space


def space(granularity: str) -> Space:
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2))
    return space_of(network, DensePlan(), torch.zeros(1, 3), granularity, ("classifier",))


def sizes(of: Space) -> dict[str, torch.Tensor]:
    return {group.name: torch.zeros(group.size) for group in of.groups}


def test_what_asks_for_nothing_is_left_as_it_is() -> None:
    assert bind("global", global_, space("weight"), ratios={"nowhere": 2.0}) is global_


def test_ratios_come_from_patterns_and_counts_from_the_other_method() -> None:
    weights = space("weight")
    assert bind("given", given, weights, ratios={"2": 0.5})(sizes(weights), 22 / 32, 0) == {"0": 12, "2": 10}
    assert bind("like", like, weights, counts={"0": 3, "2": 9})(sizes(weights), 0.5, 0) == {"0": 3, "2": 9}
    with pytest.raises(SpecError, match="allocation 'like' copies another method of a study"):
        bind("like", like, weights)
    with pytest.raises(PruneError, match="unknown layer pattern '7'"):
        bind("given", given, weights, ratios={"7": 0.5})


def by_shape(scores: object, keep: float, minimum: int, *, shapes: Mapping[str, tuple[int, ...]]) -> Counts:  # noqa: ARG001
    return {name: shape[0] for name, shape in shapes.items()}


def test_a_users_own_allocation_gets_the_shapes_of_layers() -> None:
    weights = space("weight")
    assert bind("mine:by_shape", by_shape, weights)(sizes(weights), 0.5, 0) == {"0": 4, "2": 5}
    with pytest.raises(PruneError, match=r"allocation 'mine:by_shape' .* granularity 'channel'"):
        bind("mine:by_shape", by_shape, space("channel"))


def test_options_of_ones_own_need_a_default() -> None:
    def spread(scores: object, keep: float, minimum: int, *, power: int = 2) -> Counts:  # noqa: ARG001
        return {"power": power}

    def shape(scores: object, keep: float, minimum: int, *, shape: object) -> Counts:  # noqa: ARG001
        return {}

    assert bind("spread", spread, space("channel"))({}, 0.5, 1) == {"power": 2}
    with pytest.raises(SpecError, match=r"unknown argument without a default 'shape'; did you mean 'shapes'"):
        bind("shape", shape, space("weight"))
