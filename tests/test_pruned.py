"""What became of a network, as notebooks show it."""

from xml.etree import ElementTree

import pytest
import torch
from torch import nn

import fairprune as fp


def _network():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(64, 2))


@pytest.mark.parametrize("criterion", ["l1_norm", "magnitude"])
def test_what_was_removed_is_a_table(criterion):
    done = fp.prune(_network(), torch.zeros(1, 1, 8, 8), criterion=criterion, target=fp.ratio(0.5)).fairprune
    tree = ElementTree.fromstring(f"<div>{done._repr_html_()}</div>")
    rows = [[cell.text for cell in row.iter("td")][:4] for row in tree.iter("tr")][1:]
    assert [row[0] for row in rows] == list(done.kept)
    assert sum(int(row[1]) for row in rows) == sum(kept for kept, _ in done.kept.values())
    text = " ".join(tree.itertext())
    assert f"{done.dense.params:,} -> {done.small.params:,} parameters" in text
    assert ("nothing becomes faster" in text) == (criterion == "magnitude")
    assert str(done) in text


def test_names_of_layers_are_escaped():
    network = nn.Sequential()
    network.add_module("<b>", nn.Conv2d(1, 4, 3))
    network.add_module("rest", nn.Sequential(nn.Flatten(), nn.Linear(144, 2)))
    done = fp.prune(network, torch.zeros(1, 1, 8, 8), target=fp.ratio(0.5)).fairprune
    assert "<b>" not in done._repr_html_()
    assert "&lt;b&gt;" in done._repr_html_()
