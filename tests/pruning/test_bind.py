from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import nn

from fairprune.errors import PruneError, SpecError
from fairprune.networks.resnet_cifar import resnet56
from fairprune.pruning.allocation import given, global_, like, ratios_of
from fairprune.pruning.apply import space_of
from fairprune.pruning.bind import bind
from fairprune.pruning.plan import DensePlan
from fairprune.pruning.space import Counts, Space
from fairprune.pruning.target import reach
from fairprune.spec import Target


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


A = {"*.conv1": 0.1, "layer1.7.conv1": 0, "layer2.0.conv1": 0, "layer3.[08].conv1": 0}
B = {
    **{"layer1.*.conv1": 0.6, "layer2.*.conv1": 0.3, "layer3.*.conv1": 0.1},
    **{"layer1.[78].conv1": 0, "layer2.[07].conv1": 0, "layer3.[08].conv1": 0},
}


@pytest.mark.parametrize(("patterns", "macs"), [(A, 11244), (B, 9091)])
def test_stages_with_spared_blocks_by_patterns(patterns: dict[str, float], macs: int) -> None:
    """ResNet-56-A and -B of Li et al.: Liu et al. count 112.44 M and 90.91 M of 125.49 M multiply-adds."""
    channels = space_of(resnet56(10, 3), DensePlan(), torch.zeros(1, 3, 32, 32), "channel", ("classifier",))
    dense = channels.size({group.name: group.size for group in channels.groups})
    rule = bind("given", given, channels, ratios=patterns)
    found = reach(channels, sizes(channels), rule, Target(axis="speedup", value=12549 / macs), dense)
    assert round(found.size.macs / 1e4) == macs
    whole = {name for name, tensor in sizes(channels).items() if found.counts[name] == len(tensor)}
    assert whole == {name for name, ratio in ratios_of(channels.groups, patterns).items() if ratio == 0}


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
