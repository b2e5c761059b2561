"""The 2 x 2 split: two methods under two recipes, on equal seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fairprune.stats.student import above
from fairprune.stats.summary import Description, describe

Finding = Literal["the first method", "the second method", "an interaction", "not separated", "not estimable"]
Four = Mapping[tuple[int, int], Mapping[Any, float]]  # (method, recipe), each 0 or 1 -> seed -> value


@dataclass(frozen=True)
class Crossing:
    """Effects in the unit of the values, first minus second; each with its t interval over seeds.

    method       mean over the two recipes of the difference between the methods
    recipe       mean over the two methods of the difference between the recipes
    interaction  the methods' difference under the first recipe minus that under the second
    simple       the methods' difference under each recipe, at a level that holds for both at once (Bonferroni)
    flips        whether the order of the methods' means is another under the second recipe
    """

    seeds: int
    method: Description | None
    recipe: Description | None
    interaction: Description | None
    simple: tuple[Description | None, Description | None]
    flips: bool
    verdict: Finding

    @property
    def p_interaction(self) -> float | None:
        """Two-sided, of no interaction."""
        seen = self.interaction
        if seen is None or not seen.std:
            return None
        return 2 * above(abs(seen.mean) / (seen.std / seen.n**0.5), seen.n - 1)


def cross(values: Four, level: float = 0.95, *, higher_is_better: bool = True) -> Crossing:
    """Split two methods x two recipes into the effects of each and their interaction (Wang et al. 2023, section 4).

    Only seeds that completed all four combinations count. The verdict names a method that is better under both recipes
    (both simple intervals on its side of 0), else an interaction whose interval excludes 0, else nothing: no other
    weighting. With one seed nothing is estimable. Raises KeyError where one of the four combinations is absent.
    """
    cells = [values[method, recipe] for method, recipe in ((0, 0), (0, 1), (1, 0), (1, 1))]
    seeds = [seed for seed in cells[0] if all(seed in cell for cell in cells)]
    first = [cells[0][seed] - cells[2][seed] for seed in seeds]  # the methods' difference under the first recipe
    second = [cells[1][seed] - cells[3][seed] for seed in seeds]
    recipes = [(cells[0][s] - cells[1][s] + cells[2][s] - cells[3][s]) / 2 for s in seeds]
    both = 1 - (1 - level) / 2
    simple = _seen(first, both), _seen(second, both)
    interaction = _seen([a - b for a, b in zip(first, second, strict=True)], level)
    return Crossing(
        seeds=len(seeds),
        method=_seen([(a + b) / 2 for a, b in zip(first, second, strict=True)], level),
        recipe=_seen(recipes, level),
        interaction=interaction,
        simple=simple,
        flips=bool(seeds) and sum(first) * sum(second) < 0,
        verdict=_verdict(simple, interaction, higher_is_better),
    )


def _seen(sample: Sequence[float], level: float) -> Description | None:
    return describe(sample, level) if sample else None


def _verdict(
    simple: tuple[Description | None, Description | None], interaction: Description | None, higher_is_better: bool
) -> Finding:
    sides = [_side(seen) for seen in simple]
    if None in sides or interaction is None:
        return "not estimable"
    if sides[0] == sides[1] != 0:
        return "the first method" if (sides[0] == 1) == higher_is_better else "the second method"
    return "an interaction" if _side(interaction) else "not separated"


def _side(seen: Description | None) -> int | None:
    """On which side of 0 an interval lies: 1, -1, 0 if it holds 0; None without an interval."""
    if seen is None or seen.low is None or seen.high is None:
        return None
    return 1 if seen.low > 0 else -1 if seen.high < 0 else 0
