"""Trainability by hand, on the schedules of Wang et al. 2023, and against scipy's regression."""

import math

import pytest
from scipy.stats import linregress, t

from fairprune.schedules import parse
from fairprune.trainability import Stage, convergence, epochs_to_share, first_stage, starting_rate, trainability


def curve(*values, column="top1", epoch=1.0):
    return [{"epoch": epoch * (i + 1), column: value, "loss": 9.0} for i, value in enumerate(values)]


@pytest.mark.parametrize(
    ("text", "end", "rate"),
    [
        ("halving:1e-1->1e-5 total:120", 30, 1e-1),
        ("halving:1e-2->1e-5 total:60", 30, 1e-2),
        ("halving:1e-2->1e-5 total:30", 15, 1e-2),
        ("0:1e-2,60:1e-3,90:1e-4 total:120", 60, 1e-2),
        ("constant:1e-3 total:40", 40, 1e-3),
        ("0:1e-2,30:1e-3 total:90 warmup:5", 30, 1e-2),
        ("constant:1e-3 total:40 warmup:40", None, None),
        ("cosine:1e-1->1e-4 total:200", None, None),
        ("linear:1e-1->1e-3 total:10 | constant:1e-3 total:10", None, None),
        ("constant:1e-1 total:5 | cosine:1e-1->0 total:5", None, None),
        ("none", None, None),
    ],
)
def test_the_first_stage(text, end, rate):
    assert first_stage(parse(text)) == (Stage(end, rate) if end else None)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("0:1e-2,30:1e-3 total:90", 1e-2),
        ("cosine:1e-1->1e-4 total:200", 1e-1),
        ("constant:1e-3 total:40 warmup:5", 1e-3),
        ("constant:1e-3 total:40 warmup:40", 1e-3),
        ("linear:0->1e-1 total:5 | cosine:1e-1->0 total:5", 1e-1),
        ("none", None),
    ],
)
def test_the_rate_that_training_starts_from(text, rate):
    assert starting_rate(parse(text)) == (pytest.approx(rate) if rate else None)


def test_t_is_the_mean_over_the_first_stage():
    """90 epochs from 1e-2: 30 epochs that rise by .01 from .5, then 60 at .9."""
    rows = curve(*(0.5 + 0.01 * i for i in range(30)), *[0.9] * 60)
    assert trainability(rows, "top1", parse("halving:1e-2->1e-5 total:90")) == pytest.approx(0.5 + 0.01 * 29 / 2)
    assert trainability(rows, "top1", parse("0:1e-2,1:1e-3 total:90")) == 0.5
    assert trainability(rows, "loss", parse("halving:1e-2->1e-5 total:90")) == 9
    assert trainability(rows, "top1", parse("cosine:1e-2->1e-5 total:90")) is None
    assert trainability([], "top1", parse("none")) is None


def test_only_whole_epochs_of_the_stage_count():
    rows = curve(0.1, 0.3, 0.8, 0.9, 0.9)
    assert trainability(rows, "top1", parse("0:1e-2,2.5:1e-3 total:5")) == pytest.approx(0.2)
    assert trainability(rows, "top1", parse("0:1e-2,0.5:1e-3 total:5")) is None
    assert trainability(curve(0.4), "top1", parse("constant:1e-2 total:0.5")) == 0.4  # all of it is the stage
    third = parse("0:1e-2,9:1e-3 total:27 scaled-to:9")
    assert trainability(curve(*[0.3] * 3, *[0.9] * 6), "top1", third) == pytest.approx(0.3)


def test_what_is_not_finite_leaves_nothing_to_average():
    assert trainability(curve(0.1, None), "top1", parse("constant:1e-2 total:2")) is None
    assert trainability(curve(0.1, math.nan), "top1", parse("constant:1e-2 total:2")) is None
    assert trainability(curve(0.1, None), "top1", parse("0:1e-2,1:1e-3 total:2")) == 0.1


def test_epochs_to_95_percent_of_the_last_value():
    assert epochs_to_share(curve(0.5, 0.75, 0.76, 0.7, 0.8), "top1") == 3  # .76 = .95 x .8
    assert epochs_to_share(curve(0.9, 0.5), "top1") == 1
    assert epochs_to_share(curve(0.1, 0.2, 0.8), "top1", share=0.25) == 2
    assert epochs_to_share(curve(0.6, epoch=0.5), "top1") == 0.5
    assert epochs_to_share(curve(None, 0.8), "top1") == 2
    assert epochs_to_share(curve(0.8, None), "top1") is None
    assert epochs_to_share([], "top1") is None


def test_the_slope_is_that_of_the_last_third():
    """Of 9 epochs the last three: .70, .72, .77 rise by .035 an epoch, and lie .005, -.01, .005 off that line."""
    rows = curve(0.1, 0.9, 0.1, 0.9, 0.1, 0.9, 0.70, 0.72, 0.77, *[0.1] * 9)
    slope = convergence(rows, "top1", parse("0:1e-2,9:1e-3 total:18"))
    error = math.sqrt((0.005**2 + 0.01**2 + 0.005**2) / 1 / 2)
    assert (slope.n, slope.value) == (3, pytest.approx(0.035))
    assert slope.high - slope.value == pytest.approx(12.7062047 * error)
    assert slope.value - slope.low == pytest.approx(12.7062047 * error)
    assert not slope.rising


def test_the_slope_agrees_with_scipy():
    values = [0.5 + 0.3 * (1 - math.exp(-i / 20)) + 0.01 * math.sin(7 * i) for i in range(30)]
    slope = convergence(curve(*values, 0.9), "top1", parse("0:1e-2,30:1e-3 total:31"))
    found = linregress(range(21, 31), values[20:])
    half = t.ppf(0.975, 8) * found.stderr
    assert (slope.n, slope.value) == (10, pytest.approx(found.slope))
    assert (slope.low, slope.high) == (pytest.approx(found.slope - half), pytest.approx(found.slope + half))


@pytest.mark.parametrize(
    ("values", "rising"),
    [
        ([0.1 * i for i in range(9)], True),
        ([0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.61, 0.62, 0.63], True),
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.7, 0.7], False),
        ([0.9 - 0.1 * i for i in range(9)], False),
        ([0.1] * 9, False),
    ],
)
def test_training_that_still_gains_has_not_converged(values, rising):
    assert convergence(curve(*values), "top1", parse("constant:1e-3 total:9")).rising is rising


def test_two_epochs_make_no_interval():
    assert convergence(curve(*[0.1] * 6), "top1", parse("constant:1e-3 total:6")) is None
    assert convergence(curve(*[0.1] * 7), "top1", parse("constant:1e-3 total:7")).n == 3
    assert convergence(curve(*[0.1] * 9), "top1", parse("cosine:1e-1->0 total:9")) is None
    assert convergence(curve(*[0.1] * 8, None), "top1", parse("constant:1e-3 total:9")) is None


def test_only_the_order_of_epochs_and_the_unit_matter():
    """Percent instead of fractions: T and slope scale, the verdict and the epochs stay."""
    values = [0.5, 0.6, 0.62, 0.65, 0.66, 0.69, 0.70, 0.71, 0.73]
    schedule = parse("constant:1e-3 total:9")
    one, hundred = curve(*values), curve(*(100 * v for v in values))
    assert trainability(hundred, "top1", schedule) == pytest.approx(100 * trainability(one, "top1", schedule))
    slopes = [convergence(rows, "top1", schedule) for rows in (one, hundred)]
    assert slopes[1].low == pytest.approx(100 * slopes[0].low)
    assert slopes[0].rising == slopes[1].rising
    assert epochs_to_share(one, "top1") == epochs_to_share(hundred, "top1") == 7
