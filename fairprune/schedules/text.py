"""Schedules from text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

from fairprune.errors import SpecError, unknown
from fairprune.schedules.rules import empty, halving
from fairprune.schedules.values import Schedule, Segment, epochs_text, grid

_OPTIONS = ("total", "warmup", "from", "of", "scaled-to")
_HEADS = ("constant", "linear", "cosine", "halving", "EPOCH:RATE,...")


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
    for key in ("total", "scaled-to"):
        if grid(options.get(key, 0 if key == "total" else 1)) <= 0:
            raise SpecError(f"expected '{key}:EPOCHS' with epochs > 0")
    total = options["total"]
    schedule = _parse_head(tokens[0], total, options)
    if "warmup" in options:
        if options["warmup"] > total:
            raise SpecError(
                f"'warmup:{epochs_text(options['warmup'])}': expected at most the total, {epochs_text(total)}"
            )
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
    after = grid(options.get("of", before + total) - before - total)
    if after < 0:
        raise SpecError(
            f"'of:{epochs_text(options['of'])}': expected at least from + total, {epochs_text(before + total)}"
        )
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
        raise SpecError(
            f"'{head}': expected first epochs that start at 0, grow, and end before total:{epochs_text(total)}"
        )
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
