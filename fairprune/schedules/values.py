"""Schedules as values: segments laid end to end, in normal form, and their canonical text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Literal

from fairprune.errors import SpecError

Shape = Literal["constant", "linear", "cosine"]


@dataclass(frozen=True)
class Segment:
    """`length` epochs of a curve from `first` to `last`, whose first `before` and last `after` epochs were cut off."""

    length: float
    shape: Shape
    first: float
    last: float
    before: float = 0.0
    after: float = 0.0

    def at(self, epoch: float) -> float:
        """The rate at `epoch` of the segment, 0 .. length."""
        if self.shape == "constant":
            return self.first
        phase = min((self.before + epoch) / (self.before + self.length + self.after), 1.0)
        weight = 1 - phase if self.shape == "linear" else (1 + math.cos(math.pi * phase)) / 2
        return self.first * weight + self.last * (1 - weight)


@dataclass(frozen=True)
class Schedule:
    """Segments laid end to end, in normal form: none empty, and what continues its neighbour is merged with it."""

    segments: tuple[Segment, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "segments", tuple(_normal(self.segments)))

    @cached_property
    def ends(self) -> tuple[float, ...]:
        """The last epoch of each segment."""
        return tuple(grid(math.fsum(s.length for s in self.segments[: i + 1])) for i in range(len(self.segments)))

    @property
    def total(self) -> float:
        """Length in epochs."""
        return self.ends[-1] if self.segments else 0.0

    @property
    def initial_rate(self) -> float:
        """The rate at epoch 0 (0 under a warm-up)."""
        return self.at(0)

    @property
    def final_rate(self) -> float:
        """The rate that the last epoch runs to."""
        return self.at(self.total)

    def at(self, epoch: float) -> float:
        """The rate at `epoch`; at a breakpoint that of the new segment, after the end the final rate."""
        if not self.segments or epoch < 0:
            raise ValueError(f"schedule '{self}' has no rate at epoch {epoch}")
        start = 0.0
        for segment, end in zip(self.segments, self.ends, strict=True):
            if epoch < end:
                return segment.at(epoch - start)
            start = end
        return self.segments[-1].at(self.segments[-1].length)

    def stages(self) -> list[tuple[float, float]]:
        """(first epoch, rate) of each stage; empty unless the schedule is piecewise constant."""
        if any(s.shape != "constant" for s in self.segments):
            return []
        return [(start, s.first) for start, s in zip((0.0, *self.ends), self.segments, strict=False)]

    def scaled(self, factor: float) -> Schedule:
        """All breakpoints (and a warm-up's end) times `factor`."""
        return self.stretched_to(self.total * factor)

    def stretched_to(self, total: float) -> Schedule:
        """The same curve over `total` epochs."""
        if not (math.isfinite(total) and total >= 0) or (total > 0 and not self.segments):
            raise SpecError(f"schedule '{self}' cannot be scaled to {total:g} epochs: expected a finite length >= 0")
        factor = total / self.total if self.segments else 1.0
        ends = [grid(end * factor) for end in self.ends]
        scaled = (
            replace(s, length=end - start, before=s.before * factor, after=s.after * factor)
            for s, start, end in zip(self.segments, [0.0, *ends], ends, strict=False)
        )
        return Schedule(tuple(scaled))

    def with_peak(self, rate: float) -> Schedule:
        """The same curve, its largest rate being `rate`; other rates to 12 digits."""
        most = max((max(s.first, s.last) for s in self.segments), default=0.0)
        if not most or not (math.isfinite(rate) and rate > 0):
            raise SpecError(f"schedule '{self}' cannot be scaled to a largest rate of {rate:g}")

        def scaled(value: float) -> float:
            return float(f"{value / most * rate:.12g}")

        return Schedule(tuple(replace(s, first=scaled(s.first), last=scaled(s.last)) for s in self.segments))

    def cut(self, start: float, stop: float) -> Schedule:
        """Epochs `start` to `stop` as a schedule of their own."""
        start, stop = grid(start), grid(stop)
        if not 0 <= start <= stop <= self.total:
            raise SpecError(
                f"schedule '{self}' has no epochs {start:g}..{stop:g}: expected a part of 0..{self.total:g}"
            )
        parts = []
        for segment, begin, end in zip(self.segments, (0.0, *self.ends), self.ends, strict=False):
            head, tail = max(start - begin, 0.0), max(end - stop, 0.0)
            before, after = segment.before + head, segment.after + tail
            parts.append(replace(segment, length=segment.length - head - tail, before=before, after=after))
        return Schedule(tuple(parts))

    def then(self, other: Schedule) -> Schedule:
        """This schedule, and `other` after it."""
        return Schedule(self.segments + other.segments)

    def warmed(self, epochs: float) -> Schedule:
        """The first `epochs` replaced by a straight line from 0 to the rate that the schedule has at their end."""
        ramp = Schedule((Segment(epochs, "linear", 0.0, self.at(epochs)),))
        return ramp.then(self.cut(epochs, self.total))

    @cached_property
    def text(self) -> str:
        """Canonical text: parses back to an equal value."""
        return " | ".join(_pieces(self.segments)) or "none"

    def __str__(self) -> str:
        return self.text


def _normal(segments: Iterable[Segment]) -> Iterator[Segment]:
    last: Segment | None = None
    for segment in filter(lambda s: s.length > 0, map(_snapped, segments)):
        joined = last and _joined(last, segment)
        if last and not joined:
            yield last
        last = joined or segment
    if last:
        yield last


def _snapped(s: Segment) -> Segment:
    if s.shape == "constant" or s.first == s.last:
        return Segment(grid(s.length), "constant", s.first, s.first)
    return replace(s, length=grid(s.length), before=grid(s.before), after=grid(s.after))


def _joined(a: Segment, b: Segment) -> Segment | None:
    """One segment for two, where b goes on with a's curve."""
    if (a.shape, a.first, a.last) != (b.shape, b.first, b.last):
        return None
    goes_on = b.before == grid(a.before + a.length) and a.after == grid(b.length + b.after)
    if a.shape != "constant" and not goes_on:
        return None
    return replace(a, length=grid(a.length + b.length), after=b.after)


def _pieces(segments: tuple[Segment, ...]) -> Iterator[str]:
    while segments:
        warm = _unwarmed(segments)
        body = warm or segments
        size = _piece_size(body)
        yield _piece(body[:size]) + (f" warmup:{epochs_text(segments[0].length)}" if warm else "")
        segments = segments[size + bool(warm) :]


def _unwarmed(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """The segments of which these are the warmed-up form; empty where they are none."""
    ramp, *rest = segments
    if not rest or (ramp.shape, ramp.first, ramp.before, ramp.after) != ("linear", 0.0, 0.0, 0.0):
        return ()
    before = 0.0 if rest[0].shape == "constant" else rest[0].before - ramp.length
    if before < 0:
        return ()
    whole = (replace(rest[0], length=grid(rest[0].length + ramp.length), before=grid(before)), *rest[1:])
    return whole if Schedule(whole).warmed(ramp.length).segments == segments else ()


def _piece_size(segments: tuple[Segment, ...]) -> int:
    """How many of the first segments one piece of text can hold: a run of constants, or one curve."""
    curve = next((i for i, s in enumerate(segments) if s.shape != "constant"), len(segments))
    return max(curve, 1)


def _piece(segments: tuple[Segment, ...]) -> str:
    head, schedule = segments[0], Schedule(segments)
    total = f"total:{epochs_text(schedule.total)}"
    if head.shape != "constant":
        whole = grid(head.before + head.length + head.after)
        part = "" if whole == head.length else f"from:{epochs_text(head.before)} of:{epochs_text(whole)} "
        return f"{head.shape}:{rate_text(head.first)}->{rate_text(head.last)} {part}{total}"
    if len(segments) == 1:
        return f"constant:{rate_text(head.first)} {total}"
    return ",".join(f"{epochs_text(start)}:{rate_text(rate)}" for start, rate in schedule.stages()) + f" {total}"


def grid(epochs: float) -> float:
    """Epochs to the nearest 1e-9, so that breakpoints stay equal through cutting, joining and text."""
    return round(epochs, 9) + 0.0  # no -0.0


def epochs_text(value: float) -> str:
    """The shortest decimal that reads back exactly, without a trailing ".0"."""
    return repr(float(value)).removesuffix(".0")


def rate_text(value: float) -> str:
    """The shortest decimal that reads back exactly, as 1e-2, 2.5e-3, 1, 0."""
    number = Decimal(repr(float(value))).normalize()
    first, *rest = number.as_tuple().digits
    mantissa = str(first) + ("." + "".join(map(str, rest)) if rest else "")
    return f"{mantissa}e{number.adjusted()}" if number and number.adjusted() else mantissa


def short_rate(value: float) -> str:
    """The rate with three digits, for people: a warm-up may end in the middle of a curve."""
    return rate_text(float(f"{value:.3g}"))
