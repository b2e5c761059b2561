from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import fairprune as fp
from fairprune import registry
from fairprune.errors import PruneError, SpecError
from fairprune.pruning.allocation import uniform
from fairprune.pruning.apply import space_of
from fairprune.pruning.plan import DensePlan
from fairprune.pruning.rounding import in_multiples

EXAMPLE = torch.zeros(1, 3, 32, 32)


def network(name="resnet20"):
    torch.manual_seed(0)
    return registry.load("network", name)(10, 3)


@pytest.fixture(scope="module")
def space():
    return space_of(network(), DensePlan(), EXAMPLE, "channel", ("classifier",))


def fixed(**counts):
    return lambda *_: counts


@pytest.mark.parametrize(
    ("count", "size", "expected"),
    [
        (11, 16, 8),  # nearer below
        (12, 16, 16),  # of two as near, the larger
        (13, 16, 16),
        (3, 16, 8),  # never to nothing
        (0, 16, 8),
        (5, 6, 6),  # a group without room for a multiple stays whole
        (9, 12, 8),
        (11, 12, 12),  # whole, though no multiple
        (8, 16, 8),
    ],
)
def test_counts_are_rounded_by_hand(space, count, size, expected):
    scores = {"conv": torch.rand(size)}
    assert in_multiples(fixed(conv=count), 8, space)(scores, 0.5, 1) == {"conv": expected}


def test_multiples_of_one_change_nothing(space):
    assert in_multiples(uniform, 1, space) is uniform


@given(st.integers(2, 9), st.lists(st.integers(1, 40), min_size=1, max_size=5), st.floats(0, 1), st.floats(0, 1))
def test_they_stay_monotone_in_what_is_kept(space, of, sizes, one, other):
    scores = {str(index): torch.rand(size) for index, size in enumerate(sizes)}
    rounded = in_multiples(uniform, of, space)
    few, many = (rounded(scores, keep, 1) for keep in sorted((one, other)))
    assert all(few[name] <= many[name] for name in scores)
    assert all(n > 0 and (n % of == 0 or n == len(scores[name])) for name, n in many.items())


@pytest.mark.parametrize("allocation", ["uniform", "global"])
def test_a_network_gets_such_widths_and_comes_close_to_its_target(allocation):
    small = fp.prune(network(), EXAMPLE, target=fp.speedup(2), allocation=allocation, round_to=4)
    widths = [m.out_channels for m in small.modules() if isinstance(m, nn.Conv2d)]
    assert all(width % 4 == 0 for width in widths)
    assert small.fairprune.speedup == pytest.approx(2, rel=0.06)
    assert small(EXAMPLE).shape == (1, 10)


def test_only_channels_have_widths_and_multiples_begin_at_one():
    with pytest.raises(PruneError, match="multiples of 8: channels have widths, weights have none"):
        fp.prune(network(), EXAMPLE, criterion="magnitude", target=fp.compression(2), round_to=8)
    with pytest.raises(PruneError, match=r"multiples of 100: the widest layer that can be pruned has \d\d channels"):
        fp.prune(network(), EXAMPLE, target=fp.speedup(2), round_to=100)
    with pytest.raises(SpecError, match="multiples of 0: expected a whole number from 1 on"):
        fp.prune(network(), EXAMPLE, target=fp.speedup(2), round_to=0)
