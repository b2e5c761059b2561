from __future__ import annotations

from fractions import Fraction

import pytest

from fairprune.audit.lint.printed import ONE, Interval, agree, commonest, read
from fairprune.errors import SpecError


def interval(low: object, high: object) -> Interval:
    return Interval(Fraction(str(low)), Fraction(str(high)))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("93.53", "93.525", "93.535"),
        ("93.50", "93.495", "93.505"),
        ("93.5", "93.45", "93.55"),
        ("94", "93.5", "94.5"),
        ("-0.24", "-0.245", "-0.235"),
        ("\N{MINUS SIGN}0.24", "-0.245", "-0.235"),
        (".15", "0.145", "0.155"),
        ("1e3", "500", "1500"),
        ("1.5e-3", "0.00145", "0.00155"),
    ],
)
def test_half_a_unit_of_the_last_place(text: str, low: str, high: str) -> None:
    assert read(text).interval == interval(low, high)


def test_units_where_they_belong() -> None:
    assert read("2.11x", units="x").value == Fraction("2.11")
    assert read("2.11 \N{MULTIPLICATION SIGN}", units="x\N{MULTIPLICATION SIGN}").decimals == 2
    assert str(read("68.70%", units="%")) == "68.70%"
    with pytest.raises(SpecError, match=r"'2\.11x': expected a number; a blank cell says that it is unknown"):
        read("2.11x")


@pytest.mark.parametrize("text", ["", "-", "n/a", "TBD", "93.41±0.12", "1,000", "nan", "inf", "0x10", "²", "~2", "2 3"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(SpecError, match="expected a number"):
        read(text, units="%")


@pytest.mark.parametrize("text", ["1e999999", "1e-999999", "1" * 31, "0e99", "1" + "0" * 20])
def test_numbers_that_are_no_results(text: str) -> None:
    with pytest.raises(SpecError, match="expected at most 30 digits"):
        read(text)


def test_amounts_are_not_negative() -> None:
    assert read("0.0").amount == interval(0, "0.05")
    assert read("-3").amount == interval(0, 0)


def test_arithmetic() -> None:
    a, b = interval(1, 2), interval(4, 8)
    assert a + b == interval(5, 10)
    assert b - a == interval(2, 7)
    assert -a == interval(-2, -1)
    assert a.over(b) == interval("0.125", "0.5")
    assert ONE.over(read("0").amount) is None
    assert a.scaled(100) == interval(100, 200)
    assert a.meets(interval(2, 3))
    assert not a.meets(interval("2.0001", 3))


def test_agreement() -> None:
    assert agree([])
    assert agree([interval(0, 2), interval(2, 3), interval(1, 5)])
    assert not agree([interval(0, 2), interval(2, 3), interval(3, 5)])


def test_the_most_that_share_a_value() -> None:
    assert commonest([]) == ()
    assert commonest([interval(1, 2), interval(7, 9), interval(2, 3), interval(8, 9), interval(2, 2)]) == (0, 2, 4)
    assert commonest([interval(7, 8), interval(1, 2)]) == (1,)
