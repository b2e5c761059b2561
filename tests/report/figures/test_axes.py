from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairprune.report.figures import axes
from fairprune.report.figures.values import Axis


def texts(axis, most=9):
    return [tick.text for tick in axes.ticks(axis, most)]


def test_equal_factors_are_equal_steps():
    axis = Axis("", 1.0, 16.0, "factor")
    assert [axis.place(v) for v in (1, 2, 4, 8, 16)] == [0, 0.25, 0.5, 0.75, 1]
    assert texts(axis) == ["1x", "2x", "4x", "8x", "16x"]
    assert texts(axis, 3) == ["1x", "4x", "16x"]


def test_values_outside_stand_at_the_edge_and_axes_may_run_backwards():
    assert Axis("", 80.0, 100.0).place(120) == 1.0
    assert Axis("", 80.0, 100.0).place(85) == 0.25
    assert Axis("", 10.0, 0.0).place(2.5) == 0.75
    assert Axis("", 0.1, 10.0, "log").place(-3) == 0.0
    assert Axis("", 0.1, 10.0, "log").place(1) == pytest.approx(0.5)


def test_names_go_from_the_top_down():
    axis = axes.names("", ["first", "second"])
    assert [axis.place(at) for at in (0, 1)] == [0.75, 0.25]
    assert [(tick.at, tick.text) for tick in axes.ticks(axis, 2)] == [(0.0, "first"), (1.0, "second")]


def test_marks_that_would_crowd_each_other_are_left_out():
    axis = axes.marked("", 0, 100, {"old": 1.0, "older": 2.0, "new": 50.0, "newest": 90.0})
    assert texts(axis, 5) == ["older", "new", "newest"]
    assert [tick.at for tick in axes.ticks(axis, 1)] == [2.0, 50.0, 90.0]
    assert axis.place(50) == 0.5


def test_axes_hold_their_values_with_some_room():
    assert axes.linear("", [10, 20]) == Axis("", 9.6, 20.4)
    assert axes.linear("", [0, 100], floor=0, ceiling=100) == Axis("", 0, 100)
    assert axes.counts("", [3, 20]) == Axis("", 0.0, 22.0, "whole")
    assert axes.factor("", [1.5]) == Axis("", 1.0, 2.0, "factor")
    assert axes.log("", [1, 100, -5, 0]).place(10) == pytest.approx(0.5)


@pytest.mark.parametrize("make", [axes.linear, axes.counts, axes.log, axes.factor])
@pytest.mark.parametrize("values", [[], [5.0], [5.0, 5.0], [math.nan, math.inf], [0.0]])
def test_nothing_or_one_value_makes_an_axis_too(make, values):
    axis = make("", values)
    assert math.isfinite(axis.low)
    assert axis.low < axis.high < math.inf
    assert axes.ticks(axis, 5)


def test_equal_factors_of_errors_are_equal_steps():
    axis = Axis("", 0.0, 99.0, "errors")  # 100 to 1 missing
    assert [axis.place(value) for value in (0, 90, 99)] == pytest.approx([0, 0.5, 1])
    assert axis.place(100) == 1
    assert texts(axis, 9) == ["0", "50", "80", "90", "95", "98", "99"]
    assert texts(Axis("", 89.0, 98.6, "errors"), 9) == ["90", "93", "95", "97", "98"]
    made = axes.errors("", [98.0, 100.0, 80.0])
    assert 75 < made.low < 80 < 98 < made.high < 98.5


def test_logarithmic_ticks_get_sparser_with_less_room():
    axis = Axis("", 0.9, 210.0, "log")
    assert texts(axis, 9) == ["1", "2", "5", "10", "20", "50", "100", "200"]
    assert texts(axis, 6) == ["1", "3", "10", "30", "100"]
    assert texts(axis, 4) == ["1", "10", "100"]
    assert texts(Axis("", 1e-6, 1e6, "log"), 4) == ["1e−06", "0.01", "100", "1e+06"]
    assert texts(Axis("", 60.0, 90.0, "log"), 4) == ["60", "70", "80", "90"]


@given(
    low=st.floats(-1e4, 1e4),
    span=st.floats(1e-3, 1e4),
    most=st.integers(2, 10),
)
def test_linear_ticks_are_few_even_and_inside(low, span, most):
    axis = Axis("", low, low + span)
    ticks = axes.ticks(axis, most)
    assert len(ticks) <= most
    assert all(low - 1e-6 * span <= tick.at <= low + span * (1 + 1e-6) for tick in ticks)
    steps = {round((b.at - a.at) / span, 6) for a, b in itertools.pairwise(ticks)}
    assert len(steps) <= 1


def test_negative_numbers_have_a_true_minus():
    assert texts(Axis("", -2.0, 2.0), 5) == ["−2", "−1", "0", "1", "2"]


def test_a_short_axis_of_factors_has_steps_and_may_begin_below_one():
    axis = axes.factor("x", [0.9, 1.1], least=1.25)
    assert axis.low < 0.9
    assert axis.high == 1.25
    assert [tick.text for tick in axes.ticks(axis, 9)] == ["0.9x", "1x", "1.1x", "1.2x"]
    assert [tick.text for tick in axes.ticks(axes.factor("x", [4.0]), 9)] == ["1x", "2x", "4x"]
