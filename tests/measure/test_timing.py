"""Timing in turn: the order by a clock that only moves when it is told, and statistics worked out by hand."""

import math
from itertools import pairwise

import numpy as np
import pytest

from fairprune.measure.timing import BLOCK, FEWEST, MOST, Estimate, in_turn, median, quartiles, ratio


class Fake:
    """A machine whose clock moves by what its things take, and that writes down who ran and how often."""

    def __init__(self):
        self.now, self.ran = 0.0, []

    def timer(self, name, took):
        def timed(calls):
            seconds = sum(took(self.now) for _ in range(calls))
            self.now += seconds
            self.ran.append((name, calls))
            return seconds

        return timed

    def in_turn(self, seconds, **things):
        timers = [self.timer(name, took) for name, took in things.items()]
        return in_turn(timers, seconds, lambda: self.now)


def test_rounds_go_forth_and_back_after_warming_up():
    fake = Fake()
    rounds = fake.in_turn(0.1, slow=lambda _: 0.25, fast=lambda _: 0.125)
    warm = [("slow", 1)] * 2 + [("fast", 1)] * 2  # 0.2 s, but at least twice
    assert fake.ran[:4] == warm
    assert [name for name, _ in fake.ran[4:]] == (["slow", "fast", "fast", "slow"] * 4)[: 2 * FEWEST]
    assert rounds == ((0.25,) * FEWEST, (0.125,) * FEWEST)


def test_the_budget_says_how_many_rounds():
    assert len(Fake().in_turn(9.0, slow=lambda _: 0.25, fast=lambda _: 0.125)[0]) == 24  # of 0.375 s
    assert len(Fake().in_turn(1e9, fast=lambda _: 0.125)[0]) == MOST
    fake = Fake()
    fake.in_turn(0.0, slow=lambda _: 10.0)
    assert fake.now == (2 + FEWEST) * 10


def test_what_is_short_is_called_often_enough_to_be_timed():
    fake = Fake()
    [took] = fake.in_turn(0.0, short=lambda _: 2**-14)
    calls = math.ceil(BLOCK * 2**14)
    assert calls == 17
    assert fake.ran[-2:] == [("short", 1), ("short", calls)]  # the first fills the caches, and does not count
    assert took == (2**-14,) * FEWEST


def test_one_call_that_was_disturbed_does_not_decide_how_often_a_thing_is_called():
    fake = Fake()
    fake.in_turn(0.0, short=lambda now: 1.0 if now == 0 else 2**-14)
    assert fake.ran[-1] == ("short", 17)


def test_what_takes_no_time_is_called_a_thousand_times_and_no_more():
    fake = Fake()
    fake.in_turn(0.0, nothing=lambda _: 0.0)
    assert max(calls for _, calls in fake.ran) == MOST


def test_drift_within_a_study_leaves_the_ratio_alone():
    """The machine becomes three times as slow half way: medians move, the quotient of rounds does not."""
    slower = lambda now: 3.0 if now > 30 else 1.0  # noqa: E731
    dense, small = Fake().in_turn(60, dense=lambda now: 0.5 * slower(now), small=lambda now: 0.25 * slower(now))
    assert len(set(dense)) == 2
    assert ratio(dense, small).value == 2.0


def test_the_median_of_ten_values_lies_between_the_second_and_the_ninth():
    assert median([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]) == Estimate(5.5, 2, 9)  # P(at most 1 below) = 11/1024
    assert median(range(6)) == Estimate(2.5, 0, 5)  # 1/64 on either side
    assert median(range(1, 22)) == Estimate(11, 6, 16)  # the tables say 6 and 16 for 21
    with pytest.raises(ValueError, match="at least 6 rounds, not 5"):
        median(range(5))


@pytest.mark.parametrize("n", [7, 30, 1000])
def test_the_interval_of_a_median_is_the_shortest_that_covers_enough(n):
    found = median(range(n))
    outside = [math.fsum(math.comb(n, i) for i in range(k)) / 2**n for k in (int(found.low) + 1, int(found.low) + 2)]
    assert outside[0] <= 0.025 < outside[1]
    assert found.low + found.high == n - 1


def test_intervals_of_medians_hold_the_truth_as_often_as_they_say():
    draws = np.random.default_rng(1).lognormal(size=(400, 15))
    found = [median(row) for row in draws]
    assert np.mean([estimate.low <= 1 <= estimate.high for estimate in found]) > 0.95  # the median of lognormal is 1


def test_quartiles_hold_the_middle_half():
    assert quartiles([1, 2, 3, 4, 5]) == (2, 4)


def test_a_ratio_is_that_of_rounds():
    over, under = [2, 4, 6, 8, 10, 12, 14], [1, 2, 3, 4, 5, 6, 7]
    assert ratio(over, under) == Estimate(2, 2, 2)
    mixed = ratio([1, 2, 3, 4, 5, 6, 7], [1] * 7)
    assert mixed.value == 4
    assert 1 <= mixed.low < 4 < mixed.high <= 7
    assert mixed == ratio([1, 2, 3, 4, 5, 6, 7], [1] * 7)


def test_the_interval_of_a_ratio_knows_that_rounds_in_a_row_are_alike():
    """Slow and fast phases of 50 rounds each: as good as a handful of values, not a thousand."""
    rng = np.random.default_rng(3)
    alone = rng.normal(2, 0.2, size=1000)
    phases = np.repeat(rng.normal(2, 0.2, size=20), 50)
    widths = [(e := ratio(values, np.ones(1000))).high - e.low for values in (alone, phases)]
    assert widths[1] > 2 * widths[0]


def test_a_ratio_of_more_rounds_is_narrower():
    values = np.random.default_rng(2).normal(2, 0.2, size=1000)
    widths = [(e := ratio(values[:n], np.ones(n))).high - e.low for n in (10, 100, 1000)]
    assert all(wide > 1.5 * narrow for wide, narrow in pairwise(widths))
    with pytest.raises(ValueError, match="at least 6"):
        ratio([1] * 5, [1] * 5)
