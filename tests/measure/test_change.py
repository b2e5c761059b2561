"""What pruning took from each layer."""

from fairprune.measure.change import Change, changes
from fairprune.measure.cost import Cost, LayerCost


def layer(name, params, macs, kind="convolution"):
    return LayerCost(name, kind, params, macs, 1)


def test_layers_that_shrank_went_or_came_are_listed_in_order():
    before = Cost((layer("a", 10, 100), layer("b", 20, 200), layer("c", 5, 50), layer("none", 0, 0)))
    after = Cost((layer("pad", 0, 7, "product"), layer("a", 5, 50), layer("c", 5, 25), layer("none", 0, 0)))
    assert changes(before, after) == (
        Change("a", "convolution", (10, 5), (100, 50)),
        Change("b", "convolution", (20, 0), (200, 0)),
        Change("c", "convolution", (5, 5), (50, 25)),
        Change("pad", "product", (0, 0), (0, 7)),
    )
