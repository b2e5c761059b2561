"""When methods act on the way through a training, in optimizer steps counted from 0."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fairprune.errors import SpecError


@dataclass(frozen=True)
class Span:
    """The steps from `begin` to `end` (both included), and those among them on which masks are chosen anew."""

    begin: int
    end: int
    every: int

    def due(self, step: int) -> bool:
        """Whether masks are chosen before this step: at the beginning, after every interval, and at the end."""
        return step == self.end or (self.begin <= step < self.end and (step - self.begin) % self.every == 0)

    def cubic(self, step: int) -> float:
        """The share of the way gone at a step: 1 - (1 - t)^3, t from 0 to 1 (arXiv:1710.01878, equation 1)."""
        if step >= self.end:
            return 1.0
        left = (self.end - max(step, self.begin)) / (self.end - self.begin)
        return 1 - left**3


def span(method: str, steps: int, begin: float, end: float, every: int, updates: int) -> Span:
    """Fractions of a training as its steps. In short ones the interval shrinks, to at least `updates` intervals.

    Raises SpecError for fractions that are not in order between 0 and 1, and for an interval below one step.
    """
    if not 0 <= begin <= end <= 1:
        raise SpecError(f"{method}: begin = {begin:g} and end = {end:g}, expected 0 <= begin <= end <= 1")
    first, last = round(begin * steps), round(end * steps)
    return Span(first, last, interval(method, last - first, every, updates))


def interval(method: str, steps: int, every: int, updates: int, least: int = 1) -> int:
    """`every`, or less so that `updates` of them fit into the steps, but not below `least`. Raises SpecError."""
    if every < 1 or updates < 1:
        raise SpecError(f"{method}: every = {every} and updates = {updates}, expected 1 or more")
    return max(min(every, steps // updates), min(every, least))


def cosine(step: int, end: int) -> float:
    """From 1 at step 0 to 0 at step `end`: (1 + cos(pi * step / end)) / 2 (arXiv:1911.11134, section 3)."""
    return (1 + math.cos(math.pi * min(step, end) / end)) / 2


def check_fraction(method: str, **options: float) -> None:
    """Raise SpecError for an option that is no fraction."""
    for name, value in options.items():
        if not 0 <= value <= 1:
            raise SpecError(f"{method}: {name} = {value:g}, expected 0 to 1")
