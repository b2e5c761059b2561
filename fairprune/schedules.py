"""Learning-rate schedules as immutable values: functions of the epoch (unit: epochs, fractions allowed).

Grammar, one piece or several joined by ` | `:

    0:1e-2,30:1e-3 total:90          steps: first epoch and rate of each stage
    constant:1e-3 total:40
    cosine:1e-1->1e-4 total:200      half a cosine; linear:1e-1->0 total:10 is a straight line
    cosine:1e-1->1e-4 from:30 of:200 total:60      60 epochs of a cosine of 200, from its epoch 30 on
    halving:1e-2->1e-5 total:90      steps by the halving rule (Wang et al. 2023, arXiv:2301.05219, appendix A)
    none                             the schedule of 0 epochs (one-shot pruning trains nothing)

and for each piece `warmup:5` (linear from 0 to the rate at the end of the warm-up, in place of what was scheduled) and
`scaled-to:12` (breakpoints and warm-up scaled to that total). Epochs are kept to 1e-9, so that cutting and
joining again is exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import Literal

from fairprune.errors import SpecError, unknown

Shape = Literal["constant", "linear", "cosine"]
_OPTIONS = ("total", "warmup", "from", "of", "scaled-to")
_HEADS = ("constant", "linear", "cosine", "halving", "EPOCH:RATE,...")
_SAMPLES = tuple(k / 8 for k in range(1, 8))  # where `same` looks between two breakpoints
_SAME_EPOCH = 1e-6


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

    @property
    def ends(self) -> tuple[float, ...]:
        """The last epoch of each segment."""
        return tuple(_grid(math.fsum(s.length for s in self.segments[: i + 1])) for i in range(len(self.segments)))

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
        ends = [_grid(end * factor) for end in self.ends]
        scaled = (
            replace(s, length=end - start, before=s.before * factor, after=s.after * factor)
            for s, start, end in zip(self.segments, [0.0, *ends], ends, strict=False)
        )
        return Schedule(tuple(scaled))

    def cut(self, start: float, stop: float) -> Schedule:
        """Epochs `start` to `stop` as a schedule of their own."""
        start, stop = _grid(start), _grid(stop)
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

    def __str__(self) -> str:
        """Canonical text: parses back to an equal value."""
        return " | ".join(_pieces(self.segments)) or "none"


def empty() -> Schedule:
    """The schedule of 0 epochs; its text is "none"."""
    return Schedule()


def halving(start: float, final: float, epochs: float) -> Schedule:
    """Steps by the halving rule (Wang et al. 2023, arXiv:2301.05219, appendix A).

    Each stage takes min(30, ceil(remaining / 2)) epochs, the rate is divided by 10 after each, and the stage at the
    final rate takes what is left. Raises SpecError where the rule does not reach the final rate.
    """
    name = f"schedule 'halving:{_rate(start)}->{_rate(final)} total:{_number(epochs)}'"
    divisions = round(math.log10(start / final)) if start > 0 and final > 0 else -1
    if divisions < 0 or not math.isclose(start / 10**divisions, final, rel_tol=1e-9):
        raise SpecError(f"{name}: expected a final rate that is the starting rate divided by 1, 10, 100 ...")
    if epochs != int(epochs):
        raise SpecError(f"{name}: expected whole epochs (scaled-to: takes fractions)")
    left, segments = int(epochs), []
    for division in range(divisions):
        length = min(30, math.ceil(left / 2))
        rate = float(f"{start / 10**division:.12g}")
        segments.append(Segment(length, "constant", rate, rate))
        left -= length
    if left <= 0:
        raise SpecError(f"{name}: too short to reach its final rate; build it at the full length and add scaled-to:")
    return Schedule((*segments, Segment(left, "constant", final, final)))


def same(a: Schedule, b: Schedule) -> bool:
    """Whether two schedules are the same function of the epoch, up to 1e-6 of an epoch and of the rate.

    Sampled at 7 points between any two neighbouring breakpoints of either, so every stage is looked at, however short.
    """
    if a == b:
        return True
    if abs(a.total - b.total) > _SAME_EPOCH:
        return False
    breaks = sorted({0.0, *a.ends, *b.ends})
    inner = ((low, high - low) for low, high in pairwise(breaks) if high - low > _SAME_EPOCH)
    epochs = (low + part * width for low, width in inner for part in _SAMPLES)
    return all(math.isclose(a.at(epoch), b.at(epoch), rel_tol=1e-6, abs_tol=1e-12) for epoch in epochs)


def parse(text: str) -> Schedule:
    """The schedule that a text in the grammar above stands for. Raises SpecError naming the part that is wrong."""
    schedule = empty()
    if text.strip() == "none":
        return schedule
    for piece in text.split("|"):
        try:
            schedule = schedule.then(_parse_piece(piece.split()))
        except SpecError as error:
            raise SpecError(f"schedule '{text}': {error}") from None
    return schedule


def _parse_piece(tokens: list[str]) -> Schedule:
    if not tokens:
        raise SpecError("expected e.g. '0:1e-2,30:1e-3 total:90', 'cosine:1e-1->1e-4 total:200' or 'none'")
    options: dict[str, float] = {}
    for token in tokens[1:]:
        key, _, value = token.partition(":")
        if key not in _OPTIONS:
            raise SpecError(unknown("option", key, _OPTIONS))
        if key in options:
            raise SpecError(f"'{token}': '{key}' is given twice")
        options[key] = _parse_number(value, token)
    if options.get("total", 0) <= 0:
        raise SpecError("expected 'total:EPOCHS' with epochs > 0")
    total = options["total"]
    schedule = _parse_head(tokens[0], total, options)
    if "warmup" in options:
        if options["warmup"] > total:
            raise SpecError(f"'warmup:{_number(options['warmup'])}': expected at most the total, {_number(total)}")
        schedule = schedule.warmed(options["warmup"])
    return schedule.stretched_to(options["scaled-to"]) if "scaled-to" in options else schedule


def _parse_head(head: str, total: float, options: Mapping[str, float]) -> Schedule:
    kind, _, value = head.partition(":")
    partial = [key for key in ("from", "of") if key in options]
    if partial and kind not in ("cosine", "linear"):
        raise SpecError(f"'{partial[0]}:' is for cosine and linear, not for '{head}'")
    if kind == "constant":
        rate = _parse_number(value, head)
        return Schedule((Segment(total, "constant", rate, rate),))
    if kind not in ("cosine", "linear", "halving"):
        return _parse_steps(head, total)
    first, arrow, last = value.partition("->")
    if not arrow:
        raise SpecError(f"'{head}': expected {kind}:FIRST->LAST, e.g. {kind}:1e-1->1e-4")
    rates = _parse_number(first, head), _parse_number(last, head)
    if kind == "halving":
        return halving(*rates, total)
    before = options.get("from", 0.0)
    after = _grid(options.get("of", before + total) - before - total)
    if after < 0:
        raise SpecError(f"'of:{_number(options['of'])}': expected at least from + total, {_number(before + total)}")
    return Schedule((Segment(total, "cosine" if kind == "cosine" else "linear", *rates, before, after),))


def _parse_steps(head: str, total: float) -> Schedule:
    stages = []
    for part in head.split(","):
        epoch, colon, rate = part.partition(":")
        if not colon or not epoch[:1].isdigit():
            raise SpecError(unknown("schedule", epoch, _HEADS))
        stages.append((_parse_number(epoch, part), _parse_number(rate, part)))
    starts = [start for start, _ in stages]
    if starts[0] != 0 or any(b <= a for a, b in pairwise([*starts, total])):
        raise SpecError(f"'{head}': expected first epochs that start at 0, grow, and end before total:{_number(total)}")
    ends = [*starts[1:], total]
    return Schedule(tuple(Segment(e - s, "constant", r, r) for (s, r), e in zip(stages, ends, strict=True)))


def _parse_number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise SpecError(f"'{where}': expected a number >= 0, not '{text}'")
    return value


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
        return Segment(_grid(s.length), "constant", s.first, s.first)
    return replace(s, length=_grid(s.length), before=_grid(s.before), after=_grid(s.after))


def _joined(a: Segment, b: Segment) -> Segment | None:
    """One segment for two, where b goes on with a's curve."""
    if (a.shape, a.first, a.last) != (b.shape, b.first, b.last):
        return None
    goes_on = b.before == _grid(a.before + a.length) and a.after == _grid(b.length + b.after)
    if a.shape != "constant" and not goes_on:
        return None
    return replace(a, length=_grid(a.length + b.length), after=b.after)


def _pieces(segments: tuple[Segment, ...]) -> Iterator[str]:
    while segments:
        warm = _unwarmed(segments)
        body = warm or segments
        size = _piece_size(body)
        yield _piece(body[:size]) + (f" warmup:{_number(segments[0].length)}" if warm else "")
        segments = segments[size + bool(warm) :]


def _unwarmed(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """The segments of which these are the warmed-up form; empty where they are none."""
    ramp, *rest = segments
    if not rest or (ramp.shape, ramp.first, ramp.before, ramp.after) != ("linear", 0.0, 0.0, 0.0):
        return ()
    before = 0.0 if rest[0].shape == "constant" else rest[0].before - ramp.length
    if before < 0:
        return ()
    whole = (replace(rest[0], length=_grid(rest[0].length + ramp.length), before=_grid(before)), *rest[1:])
    return whole if Schedule(whole).warmed(ramp.length).segments == segments else ()


def _piece_size(segments: tuple[Segment, ...]) -> int:
    """How many of the first segments one piece of text can hold: a run of constants, or one curve."""
    curve = next((i for i, s in enumerate(segments) if s.shape != "constant"), len(segments))
    return max(curve, 1)


def _piece(segments: tuple[Segment, ...]) -> str:
    head, schedule = segments[0], Schedule(segments)
    total = f"total:{_number(schedule.total)}"
    if head.shape != "constant":
        whole = _grid(head.before + head.length + head.after)
        part = "" if whole == head.length else f"from:{_number(head.before)} of:{_number(whole)} "
        return f"{head.shape}:{_rate(head.first)}->{_rate(head.last)} {part}{total}"
    if len(segments) == 1:
        return f"constant:{_rate(head.first)} {total}"
    return ",".join(f"{_number(start)}:{_rate(rate)}" for start, rate in schedule.stages()) + f" {total}"


def _grid(epochs: float) -> float:
    return round(epochs, 9) + 0.0  # no -0.0


def _number(value: float) -> str:
    return repr(float(value)).removesuffix(".0")


def _rate(value: float) -> str:
    """The shortest decimal that reads back exactly, as 1e-2, 2.5e-3, 1, 0."""
    sign, digits, _ = (number := Decimal(repr(float(value))).normalize()).as_tuple()
    mantissa = f"{'-' * sign}{digits[0]}" + (f".{''.join(map(str, digits[1:]))}" if digits[1:] else "")
    return f"{mantissa}e{number.adjusted()}" if number and number.adjusted() else mantissa
