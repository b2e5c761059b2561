"""Axes that hold given values, and round ticks, as many as there is room for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fairprune.report.figures.values import CEILING, Axis

_PAD = 0.04


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    at: float
    text: str


def linear(title: str, values: Iterable[float], *, floor: float = -math.inf, ceiling: float = math.inf) -> Axis:
    """An axis with room around the values, within floor and ceiling."""
    known = _finite(values) or [0.0, 1.0]
    pad = _PAD * (max(known) - min(known)) or 0.5
    return Axis(title, max(min(known) - pad, floor), min(max(known) + pad, ceiling))


def span(title: str, low: float, high: float) -> Axis:
    """An axis from low to high, with ticks at whole numbers alone."""
    return Axis(title, low, high, "whole")


def counts(title: str, values: Iterable[float]) -> Axis:
    """An axis of whole numbers that begins at 0."""
    return Axis(title, 0.0, max([*_finite(values), 1.0]) * 1.1, "whole")


def log(title: str, values: Iterable[float]) -> Axis:
    """A logarithmic axis with room around the values, of which those that are not positive do not count."""
    known = [value for value in _finite(values) if value > 0] or [1.0, 10.0]
    pad = max((max(known) / min(known)) ** _PAD, 1.05)
    return Axis(title, min(known) / pad, max(known) * pad, "log")


def errors(title: str, values: Iterable[float]) -> Axis:
    """An axis of percentages by the logarithm of what is missing to 100; those that miss nothing do not count."""
    missing = [CEILING - value for value in _finite(values) if value < CEILING] or [1.0, 10.0]
    pad = max((max(missing) / min(missing)) ** _PAD, 1.15)
    return Axis(title, CEILING - max(missing) * pad, CEILING - min(missing) / pad, "errors")


def factor(title: str, values: Iterable[float], least: float = 2.0) -> Axis:
    """An axis of compression or speedup, from 1x, or what lies below, to at least so much."""
    known = _finite(values)
    low = min([1.0, *(value / 1.06 for value in known if 0 < value < 1)])
    return Axis(title, low, max([least, *(value * 1.06 for value in known)]), "factor")


def names(title: str, listed: Sequence[str]) -> Axis:
    """Names from the top down, the first at 0."""
    return Axis(title, max(len(listed), 1) - 0.5, -0.5, "names", tuple(listed))


def marked(title: str, low: float, high: float, marks: Mapping[str, float]) -> Axis:
    """An axis with names at places of their own."""
    return Axis(title, low, high, "marked", tuple(marks), tuple(marks.values()))


def ticks(axis: Axis, most: int) -> tuple[Tick, ...]:
    """Round values inside the axis, at most `most` (2 or more); all names of an axis of names."""
    if axis.scale == "names":
        return tuple(Tick(float(at), name) for at, name in enumerate(axis.names))
    if axis.scale == "marked":
        return _apart(axis, most)
    most = max(most, 2)
    if axis.scale == "factor":
        powers = _powers(2.0, axis.low, axis.high, most)
        values = powers if len(powers) > 2 else _steps(axis.low, axis.high, min(most, 6))
        return tuple(Tick(value, f"{value:g}x") for value in values)
    if axis.scale == "errors":
        missing = _missing(CEILING - axis.high, CEILING - axis.low, most)
        return tuple(Tick(value, f"{value:g}") for value in sorted(round(CEILING - m, 9) for m in missing))
    values = (_logarithmic if axis.scale == "log" else _steps)(axis.low, axis.high, most)
    values = [value for value in values if axis.scale != "whole" or value == round(value)]
    return tuple(Tick(value, f"{value:g}".replace("-", "−")) for value in values)


def _apart(axis: Axis, most: int) -> tuple[Tick, ...]:
    """Marks of an axis that do not crowd each other, the last ones first."""
    gap = abs(axis.high - axis.low) / (2 * max(most, 2))
    found: list[Tick] = []
    for at, name in sorted(zip(axis.marks, axis.names, strict=True), reverse=True):
        if not found or found[-1].at - at >= gap:
            found.append(Tick(at, name))
    return tuple(reversed(found))


def _finite(values: Iterable[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]


def _steps(low: float, high: float, most: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten."""
    magnitude = 10.0 ** (math.floor(math.log10((high - low) / most)) - 1)
    for step in (m * magnitude * 10.0**power for power in range(4) for m in (1, 2, 5)):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return [round(i * step, 12) for i in range(first, last + 1)]
    return []


def _logarithmic(low: float, high: float, most: int) -> list[float]:
    """1, 2 and 5 times powers of ten, or 1 and 3, or powers alone; plain steps where there is less than one power."""
    for leading in ((1, 2, 5), (1, 3), (1,)):
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        found = [value for power in powers for m in leading if low <= (value := m * 10.0**power) <= high]
        if 2 <= len(found) <= most:
            return found
    if high / low < 10:
        return _steps(low, high, most)
    return _powers(10.0, low, high, most)


def _missing(low: float, high: float, most: int) -> list[float]:
    """What is missing to 100, with more numbers to a power than elsewhere, since it spans few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for leading in ((1, 2, 5), (1, 2, 3, 5, 7)):
        found = [value for power in powers for m in leading if low <= (value := m * 10.0**power) <= high]
        if 3 < len(found) <= most:
            return found
    return _logarithmic(low, high, most)


def _powers(base: float, low: float, high: float, most: int) -> list[float]:
    first = math.ceil(math.log(low, base) - 1e-9)
    last = math.floor(math.log(high, base) + 1e-9)
    step = max(1, math.ceil((last - first + 1) / most))
    return [base**power for power in range(first, last + 1, step)]
