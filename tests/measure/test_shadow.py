"""Rehearsals: on a copy or on a shadow, never on the network itself."""

import pytest
import torch
from torch import nn

from fairprune.measure import shadow
from fairprune.measure.cost import count


def test_a_shadow_shares_nothing_and_keeps_ties():
    network = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 4))
    network[2].weight = network[0].weight
    found = shadow.shadow(network)
    assert all(tensor.is_meta for tensor in [*found.parameters(), *found.buffers()])
    assert found[2].weight is found[0].weight
    assert not any(tensor.is_meta for tensor in [*network.parameters(), *network.buffers()])


@pytest.mark.parametrize(("limit", "meta"), [(10**9, False), (0, True)])
def test_small_networks_run_as_copies_and_large_ones_as_shadows(monkeypatch, limit, meta):
    monkeypatch.setattr(shadow, "SMALL_NETWORK", limit)
    network = nn.Sequential(nn.Linear(4, 4))
    ran = shadow.rehearse(network, torch.rand(2, 4), lambda copy, example: (copy, copy(example)))
    assert ran[0] is not network
    assert ran[1].is_meta is meta
    assert not ran[1].requires_grad
    attention = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    # 5 positions: 5*8*24 + 2*5*5*8 + 5*8*8 + 2 * 5*8*16, in either way
    assert count(attention, torch.zeros(1, 5, 8)).macs == 960 + 400 + 320 + 1280
    assert torch.backends.mha.get_fastpath_enabled()


def test_the_generator_of_torch_stays_as_it_was():
    before = torch.random.get_rng_state()
    drawn = [shadow.rehearse(nn.Dropout(0.5), torch.ones(99), lambda copy, example: copy(example)) for _ in range(2)]
    assert torch.equal(*drawn)
    assert 0 in drawn[0]
    assert torch.equal(torch.random.get_rng_state(), before)
