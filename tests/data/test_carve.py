import torch
from hypothesis import given
from hypothesis import strategies as st

from fairprune.data.carve import apportion, carve


def test_largest_remainders_by_hand():
    assert apportion([5, 3, 2], 4) == [2, 1, 1]  # quotas 2, 1.2, 0.8
    assert apportion([10, 10, 10], 10) == [4, 3, 3]
    assert apportion([7, 0, 3], 10) == [7, 0, 3]


@given(st.lists(st.integers(0, 500), min_size=1, max_size=20).filter(sum), st.data())
def test_apportioned_shares_sum_exactly_and_stay_within_one_of_their_quota(counts, data):
    total = data.draw(st.integers(0, sum(counts)))
    shares = apportion(counts, total)
    assert sum(shares) == total
    for count, share in zip(counts, shares, strict=True):
        assert 0 <= share <= count
        assert abs(share - count * total / sum(counts)) < 1


@given(st.lists(st.integers(0, 4), min_size=2, max_size=200), st.integers(0, 99), st.data())
def test_carved_parts_are_disjoint_complete_exact_and_by_class(values, seed, data):
    labels = torch.tensor(values)
    total = data.draw(st.integers(0, len(values)))
    taken, rest = carve(labels, total, "test", seed)
    assert len(taken) == total
    assert sorted(taken.tolist() + rest.tolist()) == list(range(len(values)))
    assert taken.tolist() == sorted(taken.tolist())
    counts = labels.bincount(minlength=5).tolist()
    assert labels[taken].bincount(minlength=5).tolist() == apportion(counts, total)
    again, _ = carve(labels, total, "test", seed)
    assert torch.equal(taken, again)


def test_seeds_and_purposes_draw_differently():
    labels = torch.arange(1000) % 10
    draws = {tuple(carve(labels, 100, *key)[0].tolist()) for key in [("test", 0), ("test", 1), ("validation", 0)]}
    assert len(draws) == 3


def test_the_draw_is_not_the_head_of_each_class():
    labels = torch.arange(1000) % 10
    taken, _ = carve(labels, 100, "test", 0)
    assert 400 < taken.double().mean() < 600


def test_a_larger_part_contains_a_smaller_one():
    labels = torch.arange(1000) % 10
    assert set(carve(labels, 100, "test", 3)[0].tolist()) < set(carve(labels, 200, "test", 3)[0].tolist())
