"""What pruning by ratio costs, against networks that were pruned and counted; and where a speedup is reached."""

import pytest
import torch
from torch import nn

import fairprune as fp
from fairprune.errors import PruneError, SpecError
from fairprune.measure.cost import count
from fairprune.pruning.apply import pruned
from fairprune.pruning.curve import crossing

EXAMPLE = torch.zeros(1, 1, 8, 8)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 10, 3), nn.Flatten(), nn.Linear(160, 5))


@pytest.mark.parametrize(
    "how",
    [{}, {"allocation": "global"}, {"criterion": "magnitude"}, {"criterion": "magnitude", "allocation": "uniform"}],
)
def test_points_are_networks_pruned_to_that_ratio(how):
    net = network()
    curve = fp.cost_curve(net, EXAMPLE, ratios=(0.25, 0.5), **how)
    assert curve.dense == count(net, EXAMPLE).size
    for point in curve.points:
        small = fp.prune(net, EXAMPLE, target=fp.ratio(point.ratio), **how)
        built = pruned(net, curve.plan(point))
        assert point.size == small.fairprune.small
        assert (curve.compression(point), curve.speedup(point)) == (
            small.fairprune.compression,
            small.fairprune.speedup,
        )
        assert all(torch.equal(a, b) for a, b in zip(small.parameters(), built.parameters(), strict=True))


def test_uniform_ratios_by_hand():
    """Of 16 and 10 filters 8 and 5 stay: 8 x 9 weights at 36 positions, 5 x 8 x 9 at 16, 5 x 16 x 5 for classes."""
    [point] = fp.cost_curve(network(), EXAMPLE, ratios=(0.5,)).points
    assert point.counts == {"0": 8, "2": 5}
    assert point.size.macs == 8 * 9 * 36 + 5 * 8 * 9 * 16 + 400
    assert point.size.params == 8 * 9 + 8 + 360 + 5 + 400 + 5


def test_the_ratio_that_reaches_a_target():
    net = network()
    curve = fp.cost_curve(net, EXAMPLE)
    choice = curve.reaching(fp.speedup(2))
    assert choice.counts == {n: k for n, (k, _) in fp.prune(net, EXAMPLE, target=fp.speedup(2)).fairprune.kept.items()}
    [point] = fp.cost_curve(net, EXAMPLE, ratios=(1 - choice.keep,)).points
    assert point.size == choice.size
    with pytest.raises(PruneError, match="out of reach"):
        curve.reaching(fp.speedup(1e6))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"criterion": "taylor"}, "taylor looks at data, or scores as it goes: expected one like l1_norm"),
        ({"criterion": "synflow"}, "synflow looks at data, or scores as it goes"),
        ({"ratios": (0.5, 1.0)}, "ratio"),
        ({"granularity": "blok"}, "scores .* units, not blok units"),
        ({"criterion": "l1_nrm"}, "did you mean 'l1_norm'"),
    ],
)
def test_what_has_no_curve_is_refused(given, message):
    with pytest.raises((PruneError, SpecError), match=message):
        fp.cost_curve(network(), EXAMPLE, **given)


def test_where_a_speedup_is_first_reached():
    ratios = (0.25, 0.5, 0.75)
    assert crossing(ratios, (1.5, 2.5, 4.0), 2.0) == 0.375
    assert crossing(ratios, (1.5, 2.5, 4.0), 1.25) == 0.125  # between the dense network and the first
    assert crossing(ratios, (3.0, 1.5, 4.0), 2.0) == 0.125
    assert crossing(ratios, (0.9, 1.1, 1.9), 2.0) is None
    assert crossing(ratios, (1.5, 2.0, 4.0), 2.0) == 0.5
