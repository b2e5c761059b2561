import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairprune.corpus.importers.units import (
    accuracy_from_error,
    kept_from_rate,
    percent,
    rate_from_kept,
    rate_from_saved,
    rate_from_sizes,
    saved_from_rate,
    unit_of,
)

RATES = st.floats(1, 1e4)
PERCENT = st.floats(0, 100)


@given(RATES)
def test_a_rate_comes_back_from_what_is_kept_and_saved(rate: float) -> None:
    assert rate_from_kept(kept_from_rate(rate)) == pytest.approx(rate)
    assert rate_from_saved(saved_from_rate(rate)) == pytest.approx(rate)
    assert kept_from_rate(rate) + saved_from_rate(rate) == pytest.approx(100)


@given(st.floats(0.01, 100))
def test_a_percentage_comes_back_from_its_rate(kept: float) -> None:
    rate = rate_from_kept(kept)
    assert rate is not None
    assert rate >= 1
    assert kept_from_rate(rate) == pytest.approx(kept)
    assert saved_from_rate(rate) == pytest.approx(100 - kept, abs=1e-9)


@given(st.floats(1e-3, 1e3), RATES)
def test_sizes_give_the_rate_between_them(dense: float, rate: float) -> None:
    assert rate_from_sizes(dense, dense / rate) == pytest.approx(rate)


@given(PERCENT)
def test_errors_are_what_is_not_right(error: float) -> None:
    assert accuracy_from_error(error) == pytest.approx(100 - error, abs=1e-6)
    assert accuracy_from_error(accuracy_from_error(error)) == pytest.approx(error, abs=2e-6)
    assert percent(error / 100) == pytest.approx(error, abs=1e-6)


def test_figures_by_hand() -> None:
    assert rate_from_kept(50) == 2
    assert rate_from_saved(75) == 4
    assert rate_from_saved(0) == 1
    assert accuracy_from_error(7.06) == 92.94
    assert math.copysign(1, percent(-0.0)) == 1


@pytest.mark.parametrize("kept", [0.0, -1.0, 100.1])
def test_what_is_no_part_gives_no_rate(kept: float) -> None:
    assert rate_from_kept(kept) is None
    assert rate_from_saved(100 - kept) is None


def test_a_network_does_not_grow() -> None:
    assert rate_from_sizes(1, 2) is None
    assert rate_from_sizes(1, 0) is None


@pytest.mark.parametrize(
    ("counted", "unit"),
    [(4.089, "macs"), (3.86, "macs"), (8.2, "2x macs"), (7.729, "2x macs"), (6.0, None), (2.0, None), (17.0, None)],
)
def test_what_is_counted_in_resnet_50(counted: float, unit: str | None) -> None:
    assert unit_of(counted, 4.089) == unit


@given(st.floats(1e-4, 100), st.floats(0.83, 1.17))
def test_no_count_is_both(macs: float, off: float) -> None:
    assert unit_of(macs * off, macs) == "macs"
    assert unit_of(2 * macs * off, macs) == "2x macs"
