"""Whether a sample bears out what was expected of its mean, or contradicts it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from fairprune.stats.student import above
from fairprune.stats.summary import Description, describe

Expect: TypeAlias = Literal["positive", "negative", "at-least", "zero", "nonzero"]
WITH_MARGIN: tuple[Expect, ...] = ("at-least", "zero", "nonzero")
Outcome: TypeAlias = Literal["reproduced", "contradicted", "undecided"]


@dataclass(frozen=True)
class Expectation:
    """One mean against what was expected of it. `p` speaks for it when small, `p_contrary` against it.

    `seen` has the two-sided interval; None without a value. Without an interval both p are None and it is undecided.
    """

    seen: Description | None
    p: float | None
    p_contrary: float | None
    outcome: Outcome


def expectation(
    values: Sequence[float], expect: Expect, margin: float = 0.0, level: float = 0.95, family: int = 1
) -> Expectation:
    """Student's t tests of one mean, values being independent (one for each seed).

    positive   p = P(T >= mean / se), of a true mean <= 0; negative likewise
    at-least   p = P(T >= (mean + margin) / se), of a true mean <= -margin (non-inferiority)
    zero       p = max(P(T >= (mean + margin) / se), P(T <= (mean - margin) / se)), of a true mean beyond +-margin: two
               one-sided tests (Schuirmann 1987)
    nonzero    twice the smaller of P(T >= mean / se) and P(T <= mean / se), of a true mean of 0

    The contrary is a true mean on the other side; of zero, beyond either margin (both p, the smaller doubled); of
    nonzero, within the margin (as zero).
    Reproduced where p <= 1 - level; contradicted where p_contrary <= (1 - level) / family, for `family` expectations of
    which one contradiction is enough. Raises ValueError for a margin that the expectation has no use for, or lacks.
    """
    if (margin > 0) != (expect in WITH_MARGIN):
        raise ValueError(f"expected {expect}, margin {margin:g}: {', '.join(WITH_MARGIN)} have one, the others none")
    seen = describe(values, level) if values else None
    if seen is None or seen.std is None:
        return Expectation(seen, None, None, "undecided")
    p, contrary = _sides(seen, expect, margin)
    alpha = 1 - level
    outcome: Outcome = "contradicted" if contrary <= alpha / family else "reproduced" if p <= alpha else "undecided"
    return Expectation(seen, p, contrary, outcome)


def _sides(seen: Description, expect: Expect, margin: float) -> tuple[float, float]:
    """p of what is expected, and of the contrary."""
    above, below = _tails(seen, 0.0 if expect == "nonzero" else -margin)
    if expect in ("positive", "at-least"):
        return above, below
    if expect == "negative":
        return below, above
    if expect == "nonzero":
        return min(1.0, 2 * min(above, below)), _sides(seen, "zero", margin)[0]
    over, under = _tails(seen, margin)
    return max(above, under), min(1.0, 2 * min(over, below))


def _tails(seen: Description, mean: float) -> tuple[float, float]:
    """P(T >= ...), P(T <= ...) of what was seen, if that is the true mean. Without any spread it is certain."""
    assert seen.std is not None
    error = seen.std / math.sqrt(seen.n)
    shift = seen.mean - mean
    if error <= 1e-12 * max(1.0, abs(seen.mean)):
        return (0.0, 1.0) if shift > 0 else (1.0, 0.0) if shift < 0 else (1.0, 1.0)
    return above(shift / error, seen.n - 1), above(-shift / error, seen.n - 1)
