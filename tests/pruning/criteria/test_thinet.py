"""ThiNet: greedy removal by what the next layer misses, against recomputation, subsets and convolutions."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairprune.pruning.criteria.thinet import contributions, removal_order, thinet
from fairprune.pruning.criterion import Context, Tap
from fairprune.pruning.granularity.channels import channel_space
from fairprune.pruning.sequence import walk


def drawn(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def tap(units: int = 6, *, samples: int = 40, out: int = 5, kernel: int = 4, seed: int = 1) -> Tap:
    inputs, weight = drawn(samples, units, kernel, seed=seed), drawn(out, units, kernel, seed=seed + 1)
    return Tap(inputs, torch.einsum("sik,oik->so", inputs, weight), weight, torch.arange(units))


def context(*taps: Tap, producers: int = 1, per_unit: int = 1, seed: int = 3) -> Context:
    units = 1 + max(int(tap.units.max()) for tap in taps)
    return Context(
        {f"producer{i}": torch.zeros(units * per_unit, 2) for i in range(producers)},
        torch.Generator().manual_seed(seed),
        "channel",
        taps={f"reader{i}": tap for i, tap in enumerate(taps)},
        count=1,
    )


def ranks(*taps: Tap, **options: int) -> Tensor:
    return thinet(context(*taps, **options)).scores["producer0"]


def test_it_declares_where_it_belongs() -> None:
    assert (thinet.scope, thinet.needs, thinet.granularities) == ("sequence", ("taps",), ("channel",))
    assert (thinet.allocation, thinet.repair) == ("uniform", "least_squares")


def test_removal_by_hand() -> None:
    # contributions 5, -5 and 1 to one output: 1 goes first (1), then -5 (16 against 36), and 5 makes up for it (1)
    shares = torch.tensor([[5.0, -5.0, 1.0]], dtype=torch.float64)
    assert removal_order(shares.T @ shares).tolist() == [2, 1, 0]
    one = Tap(
        torch.tensor([[[1.0], [1.0], [1.0]]]), torch.ones(1, 1), torch.tensor([[[5.0], [-5.0], [1.0]]]), torch.arange(3)
    )
    assert ranks(one).tolist() == [2, 1, 0]


def test_ties_go_to_the_first() -> None:
    assert removal_order(torch.eye(4, dtype=torch.float64)).tolist() == [0, 1, 2, 3]


def exhaustive(shares: Tensor) -> list[int]:
    """Greedy removal as written in the paper: every candidate's error is computed anew."""
    removed: list[int] = []
    while len(removed) < shares.shape[1]:
        left = [unit for unit in range(shares.shape[1]) if unit not in removed]
        errors = [float(shares[:, [*removed, unit]].sum(1).square().sum()) for unit in left]
        removed.append(left[errors.index(min(errors))])
    return removed


@pytest.mark.parametrize("seed", range(5))
def test_greedy_as_the_paper_writes_it(seed: int) -> None:
    one = tap(seed=seed)
    filters = torch.randint(5, (40,), generator=torch.Generator().manual_seed(3))
    rank = ranks(one)
    expected = exhaustive(contributions(one, filters, 6))
    assert rank.argsort().tolist() == expected
    assert sorted(rank.tolist()) == list(range(6))


@pytest.mark.parametrize("seed", range(5))
def test_subsets_where_greedy_has_to_be_best(seed: int) -> None:
    shares = drawn(30, 6, seed=seed).double()
    order = removal_order(shares.T @ shares).tolist()
    assert order[0] == int(shares.square().sum(0).argmin())  # one unit
    orthogonal = torch.linalg.qr(shares).Q * torch.rand(6, generator=torch.Generator().manual_seed(seed)).double()
    order = removal_order(orthogonal.T @ orthogonal).tolist()
    for size in range(1, 6):
        errors = {set_: float(orthogonal[:, list(set_)].sum(1).square().sum()) for set_ in combinations(range(6), size)}
        assert set(order[:size]) == set(min(errors, key=errors.__getitem__))


def test_contributions_are_what_the_convolution_misses() -> None:
    images, weight = drawn(3, 4, 5, 5), drawn(2, 4, 3, 3, seed=2)
    patches = F.unfold(images, 3).transpose(1, 2).reshape(27, 4, 9)
    one = Tap(patches, torch.zeros(27, 2), weight.flatten(2), torch.arange(4))
    whole = F.conv2d(images, weight)
    for filter_ in range(2):
        found = contributions(one, torch.full((27,), filter_), 4)
        for unit in range(4):
            without = images.clone()
            without[:, unit] = 0
            missing = (whole - F.conv2d(without, weight))[:, filter_].reshape(-1)
            torch.testing.assert_close(found[:, unit].float(), missing, rtol=1e-4, atol=1e-5)


def test_inputs_of_one_unit_add_up_and_those_of_others_do_not_count() -> None:
    one = tap(6, kernel=1)
    pairs = replace(one, units=torch.tensor([0, 0, -1, 1, 1, -1]))
    filters = torch.zeros(40, dtype=torch.int64)
    shares = contributions(one, filters, 6)
    found = contributions(pairs, filters, 2)
    torch.testing.assert_close(found, torch.stack([shares[:, :2].sum(1), shares[:, 3:5].sum(1)], 1))


def test_many_samples_come_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    one, filters = tap(), torch.randint(5, (40,), generator=torch.Generator().manual_seed(0))
    whole = contributions(one, filters, 6)
    monkeypatch.setattr("fairprune.pruning.criteria.thinet.CHUNK", 7)
    torch.testing.assert_close(contributions(one, filters, 6), whole)


def test_every_sample_counts_for_one_filter_drawn_from_the_generator() -> None:
    one = tap(8, samples=6, out=50)
    assert torch.equal(ranks(one), ranks(one))
    assert len({tuple(ranks(one, seed=seed).tolist()) for seed in range(8)}) > 1


def test_readers_count_together() -> None:
    """One reader in which unit 0 matters, one in which unit 1 does, the second ten times as much."""
    inputs = torch.ones(20, 3, 1)
    first = Tap(inputs, torch.zeros(20, 1), torch.tensor([[[3.0], [0.0], [1.0]]]), torch.arange(3))
    second = Tap(inputs, torch.zeros(20, 1), torch.tensor([[[0.0], [30.0], [0.0]]]), torch.arange(3))
    assert ranks(first).tolist() == [2, 0, 1]
    assert ranks(first, second).tolist() == [1, 2, 0]


def test_all_producers_get_the_rank_for_each_channel_of_a_unit() -> None:
    scores = thinet(context(tap(3), producers=2, per_unit=2)).scores
    assert list(scores) == ["producer0", "producer1"]
    assert scores["producer0"].reshape(3, 2).diff(dim=1).abs().sum() == 0
    assert torch.equal(scores["producer0"], scores["producer1"])


def test_units_in_another_order() -> None:
    one, order = tap(), torch.tensor([3, 0, 5, 1, 4, 2])
    turned = Tap(one.inputs[:, order], one.outputs, one.weight[:, order], torch.arange(6))
    assert torch.equal(ranks(turned), ranks(one)[order])
    relabelled = replace(one, units=torch.argsort(order))  # unit order[i] is called i
    assert torch.equal(ranks(relabelled), ranks(one)[order])


@pytest.mark.parametrize("scale", [1e-20, 1e20])
def test_scale_does_not_matter(scale: float) -> None:
    one = tap()
    assert torch.equal(ranks(replace(one, weight=one.weight * scale)), ranks(one))


def test_dead_units_go_first() -> None:
    one = tap()
    one.inputs[:, 4] = 0
    one.weight[:, 2] = 0
    assert ranks(one)[[2, 4]].tolist() == [0, 1]
    nothing = replace(one, inputs=torch.zeros_like(one.inputs))
    assert ranks(nothing).tolist() == list(range(6))
    assert ranks(tap(1)).tolist() == [0]


def test_on_a_network_it_keeps_what_the_next_layer_reads() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(2, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 16, 5), nn.ReLU(), nn.Linear(5, 3)
    )
    with torch.no_grad():
        network[3].weight.reshape(5, 6, 16)[:, [0, 3]] *= 1e-3
    space = channel_space(network, torch.zeros(1, 2, 6, 6))
    images = drawn(30, 2, 6, 6)
    batches = lambda: [(images, torch.zeros(30))]  # noqa: E731
    walked = walk(network, space, thinet, {}, {"0": 4}, batches=batches, seed=0)
    assert walked.kept["0"].tolist() == [1, 2, 4, 5]
