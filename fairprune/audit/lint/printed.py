"""Numbers as they are printed: each stands for all values that round to it.

The arithmetic is exact, so that no alarm is the floating point's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from fairprune.errors import SpecError

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_MINUS = str.maketrans({"\N{MINUS SIGN}": "-", "\N{EN DASH}": "-"})
_DIGITS, _SIZE = 30, 15  # longer numbers are no results; they only cost time


@dataclass(frozen=True)
class Interval:
    """All values from `low` to `high`, ends included."""

    low: Fraction
    high: Fraction

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Interval) -> Interval:
        return Interval(self.low - other.high, self.high - other.low)

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)

    def times(self, other: Interval) -> Interval:
        """The products; of values that are not negative."""
        return Interval(self.low * other.low, self.high * other.high)

    def over(self, other: Interval) -> Interval | None:
        """The quotients, of values that are not negative; None where the divisor may be 0."""
        return Interval(self.low / other.high, self.high / other.low) if other.low > 0 else None

    def scaled(self, factor: Fraction | int) -> Interval:
        """The values times a factor that is not negative."""
        return Interval(self.low * factor, self.high * factor)

    def meets(self, other: Interval) -> bool:
        """Whether one value lies in both."""
        return self.low <= other.high and other.low <= self.high

    def __str__(self) -> str:
        low, high = f"{float(self.low):.5g}", f"{float(self.high):.5g}"
        return low if low == high else f"{low} to {high}"


ONE = Interval(Fraction(1), Fraction(1))


@dataclass(frozen=True)
class Printed:
    """A number in print: its text, its value, and its decimals (below 0 for 1e3, which stands for 500 to 1500)."""

    text: str
    value: Fraction
    decimals: int

    @cached_property
    def interval(self) -> Interval:
        """What it may stand for: half a unit of the last printed place to either side."""
        half = Fraction(10) ** -self.decimals / 2
        return Interval(self.value - half, self.value + half)

    @cached_property
    def amount(self) -> Interval:
        """The same for what cannot be negative."""
        return Interval(max(self.interval.low, Fraction(0)), max(self.interval.high, Fraction(0)))

    def __str__(self) -> str:
        return self.text


def read(text: str, units: str = "") -> Printed:
    """The number that a cell holds, one of the characters in `units` behind it or not. Raises SpecError for others."""
    plain = text.translate(_MINUS).strip()
    if plain and plain[-1] in units:
        plain = plain[:-1].rstrip()
    if not _NUMBER.fullmatch(plain):
        raise SpecError(f"'{text}': expected a number; a blank cell says that it is unknown")
    number = Decimal(plain)
    _, digits, exponent = number.as_tuple()
    if len(digits) > _DIGITS or not isinstance(exponent, int) or max(abs(exponent), abs(number.adjusted())) > _SIZE:
        raise SpecError(f"'{text[:40]}': expected at most {_DIGITS} digits, and a size from 1e-{_SIZE} to 1e{_SIZE}")
    return Printed(text, Fraction(number), -exponent)


def shown(value: Fraction, decimals: int, signed: bool = False) -> str:
    """The value with so many decimals."""
    return f"{float(value):{'+' if signed else ''}.{max(decimals, 0)}f}"


def agree(intervals: Iterable[Interval]) -> bool:
    """Whether one value lies in all of them."""
    found = tuple(intervals)
    return not found or max(i.low for i in found) <= min(i.high for i in found)


def commonest(intervals: Iterable[Interval]) -> tuple[int, ...]:
    """Positions of the most intervals that share a value; of several such sets, the one with the lowest value."""
    found = tuple(intervals)
    count, best, at = 0, 0, None
    for value, kind in sorted([(i.low, 0) for i in found] + [(i.high, 1) for i in found]):
        count += 1 if kind == 0 else -1
        if count > best:
            best, at = count, value
    return tuple(n for n, i in enumerate(found) if at is not None and i.low <= at <= i.high)
