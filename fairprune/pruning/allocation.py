"""Allocation: how many units every group keeps. Units that are gone already are scored -inf and never come back."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import TypeAlias

import torch
from torch import Tensor

from fairprune.errors import PruneError, unknown
from fairprune.pruning.ranking import finite_count, top_counts, top_mask, top_positions
from fairprune.pruning.space import Counts, Group, Kept

GroupScores: TypeAlias = Mapping[str, Tensor]  # group name -> one score per unit, [size]; -inf: gone already

# Scores, the fraction of units to keep, and how many every group keeps at least -> counts, monotone in the fraction.
# Options are keyword-only and bound beforehand: ratios, counts, shapes (see `fairprune.pruning.bind`).
Allocation: TypeAlias = Callable[[GroupScores, float, int], Counts]


def global_(scores: GroupScores, keep: float, minimum: int) -> Counts:
    """One ranking over all groups: exactly round(keep * units) are kept, if the minimum and the units left allow it.

    Ties go to the earlier group, inside a group to the lower index. Every group's best `minimum` units are kept
    whatever their rank.
    """
    left = _left(scores)
    floor = {name: min(minimum, n) for name, n in left.items()}
    dtype = functools.reduce(torch.promote_types, (s.dtype for s in scores.values()), torch.bfloat16)
    wanted = round(keep * sum(map(len, scores.values())))
    if wanted >= sum(left.values()):
        return left
    rest = [_without_best(s.to(dtype), floor[name]) for name, s in scores.items()]
    free = wanted - sum(floor.values())
    return {name: floor[name] + n for name, n in zip(scores, top_counts(rest, max(free, 0)), strict=True)}


def uniform(scores: GroupScores, keep: float, minimum: int) -> Counts:
    """The same ratio in every group: removed = min(ceil(ratio * n), n - minimum) (the rule of Wang et al. 2023)."""
    return _by_ratio(scores, dict.fromkeys(scores, 1 - keep), minimum)


def given(scores: GroupScores, keep: float, minimum: int, *, ratios: Mapping[str, float]) -> Counts:
    """Stated amounts: `ratios` is the fraction removed from each group (see `ratios_of`), rounded as in `uniform`.

    Ratios are a profile: they are scaled by one factor (to at most 1 each) so that the fraction kept overall is
    `keep`, or as near as groups with a ratio of 0 allow. Within 1 % of the amounts stated they hold exactly.
    """
    sizes = {name: len(s) for name, s in scores.items() if ratios[name] > 0}
    if not sizes:
        raise PruneError("allocation 'given' removes nothing: expected a ratio above 0 for at least one layer")
    total = sum(map(len, scores.values()))
    stated, asked = sum(ratios[name] * n for name, n in sizes.items()), (1 - keep) * total
    exact = abs(asked - stated) <= 0.01 * min(stated, total - stated)
    scale = 1.0 if exact else _scale([(ratios[name], n) for name, n in sizes.items()], asked)
    return _by_ratio(scores, {name: min(scale * ratios[name], 1.0) for name in scores}, minimum)


def erk(scores: GroupScores, keep: float, minimum: int, *, shapes: Mapping[str, Sequence[int]]) -> Counts:
    """Erdos-Renyi-Kernel: a layer's density is in proportion to the sum of its dimensions over their product.

    Evci et al. 2020, arXiv:1911.11134, section 3; for linear layers Mocanu et al. 2018, arXiv:1707.04780. So weights
    kept are in proportion to the sum of the dimensions; `shapes` are those of the weights, [out, in / groups, ...].
    Layers without room for their share stay dense, and the others divide what is left. Exactly round(keep * units)
    are kept, if the minimum and the units left allow it; see `apportion`.
    """
    return apportion(scores, {name: sum(shapes[name]) for name in scores}, keep, minimum)


def balanced(scores: GroupScores, keep: float, minimum: int) -> Counts:
    """The same number of units in every group (Gadhikar et al. 2023, arXiv:2210.02412); small groups stay whole.

    The others divide what those cannot take. Exactly round(keep * units), as in `erk`; one more in the earlier groups.
    """
    return apportion(scores, dict.fromkeys(scores, 1), keep, minimum)


def like(scores: GroupScores, _keep: float, _minimum: int, *, counts: Counts) -> Counts:
    """Exactly the counts of another method, whatever the target. Raises PruneError where groups or sizes differ."""
    for name in {**counts, **scores}:
        if name not in scores or name not in counts or not 0 <= counts[name] <= len(scores[name]):
            raise PruneError(
                f"allocation 'like': group '{name}' is not the same in both methods (same spare, granularity?)"
            )
    return {name: min(counts[name], n) for name, n in _left(scores).items()}


def ratios_of(groups: Sequence[Group], patterns: Mapping[str, float]) -> dict[str, float]:
    """The fraction removed from each group, from patterns (as of file names) over names of groups and their layers.

    The last pattern that matches a group counts; a group that none matches keeps everything. Raises PruneError for a
    pattern without a match and for a ratio outside 0..1.
    """
    ratios = dict.fromkeys((group.name for group in groups), 0.0)
    for pattern, ratio in patterns.items():
        if not 0 <= ratio <= 1:
            raise PruneError(f"ratio {ratio:g} of '{pattern}': expected the fraction removed, from 0 to 1")
        matched = [g.name for g in groups if any(fnmatchcase(name, pattern) for name in (g.name, *g.layers))]
        if not matched:
            raise PruneError(unknown("layer pattern", pattern, {name for g in groups for name in (g.name, *g.layers)}))
        ratios |= dict.fromkeys(matched, ratio)
    return ratios


def select(scores: GroupScores, counts: Counts) -> Kept:
    """The `count` best units of each group as sorted indices; among equals the lower index. Fewer units: fewer kept."""
    return {name: top_positions(s, counts[name]) for name, s in scores.items()}


def select_masks(scores: GroupScores, counts: Counts) -> dict[str, Tensor]:
    """The units that `select` selects, as masks: group name -> bool [size]."""
    return {name: top_mask(s, counts[name]) for name, s in scores.items()}


def apportion(scores: GroupScores, shares: Mapping[str, int], keep: float, minimum: int) -> Counts:
    """round(keep * units) units in proportion to `shares` (whole, above 0), whole and monotone in `keep`.

    Webster's method: unit number j of a group costs (2j - 1) / share, and the cheapest are kept; at one price the
    earlier group's. Sizes and units left cap a group, its best `minimum` units are free. (Rounding shares down and
    giving the rest to the largest remainders is not monotone: a group may lose a unit as more are kept.)
    """
    left = _left(scores)
    least = {name: min(minimum, n) for name, n in left.items()}
    wanted = min(max(round(keep * sum(map(len, scores.values()))), sum(least.values())), sum(left.values()))
    # any price is a valid start if it is used exactly: from there the next cheapest is added, or the dearest removed
    level = Fraction(_scale([(shares[name] / n, n) for name, n in left.items() if n], wanted)) if wanted else 0
    bought = {name: math.floor(level * share + Fraction(1, 2)) for name, share in shares.items()}
    counts = {name: min(max(bought[name], least[name]), n) for name, n in left.items()}
    while sum(counts.values()) < wanted:
        room = (name for name in counts if counts[name] < left[name])
        counts[min(room, key=lambda name: Fraction(2 * counts[name] + 1, shares[name]))] += 1
    while sum(counts.values()) > wanted:
        spare = (name for name in reversed(counts) if counts[name] > least[name])
        counts[max(spare, key=lambda name: Fraction(2 * counts[name] - 1, shares[name]))] -= 1
    return counts


def _scale(parts: Sequence[tuple[float, int]], asked: float) -> float:
    """The factor f for which sum(n * min(f * ratio, 1)) over (ratio, n) is `asked`; at most that which removes all."""
    parts = sorted(parts, reverse=True)
    for index, (ratio, _) in enumerate(parts):
        full = sum(n for _, n in parts[:index])
        factor = (asked - full) / sum(r * n for r, n in parts[index:])
        if factor * ratio <= 1:
            return factor
    return 1 / min(ratio for ratio, _ in parts)


def _left(scores: GroupScores) -> dict[str, int]:
    return {name: finite_count(s) for name, s in scores.items()}


def _without_best(scores: Tensor, count: int) -> Tensor:
    return scores.sort(descending=True).values[count:] if count else scores


def _by_ratio(scores: GroupScores, ratios: Mapping[str, float], minimum: int) -> Counts:
    counts = {}
    for name, n in _left(scores).items():
        size = len(scores[name])
        # ratios are decimals: .07 of 100 is 7, although .07 * 100 is 7.000000000000001 in binary
        removed = min(math.ceil(round(ratios[name] * size, 6)), max(size - minimum, 0))
        counts[name] = min(size - removed, n)
    return counts
