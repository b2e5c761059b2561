"""An allocation bound to what it asks for: its keyword-only arguments say what that is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fairprune.errors import PruneError, SpecError, unknown
from fairprune.networks.predefined import liu_ratios
from fairprune.pruning.allocation import Allocation, ratios_of
from fairprune.pruning.granularity.weights import WeightSpace
from fairprune.pruning.space import Counts, Space


def bind(
    name: str,
    function: Callable[..., Counts],
    space: Space,
    *,
    ratios: Mapping[str, float] | str | None = None,
    counts: Counts | None = None,
) -> Allocation:
    """The allocation of that name for one space, its keyword-only arguments filled in.

    ratios  group -> fraction removed, from the patterns given here, or those of a predefined network of that name
    counts  group -> units that another method keeps, as given here
    shapes  layer -> shape of its weight, of the space

    Raises SpecError for another argument without a default, and for counts that are not there; PruneError for
    patterns that do not fit, and for shapes where units are not single weights.
    """
    offered: Mapping[str, Callable[[], Any]] = {
        "ratios": lambda: ratios_of(space.groups, liu_ratios(ratios) if isinstance(ratios, str) else ratios or {}),
        "counts": lambda: _counts(name, counts),
        "shapes": lambda: _shapes(name, space),
    }
    options = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        if parameter.name in offered:
            options[parameter.name] = offered[parameter.name]()
        elif parameter.default is inspect.Parameter.empty:
            raise SpecError(f"allocation '{name}': " + unknown("argument without a default", parameter.name, offered))
    return partial(function, **options) if options else function


def _counts(name: str, counts: Counts | None) -> Counts:
    if counts is None:
        raise SpecError(f"allocation '{name}' copies another method of a study: use it in a study file")
    return counts


def _shapes(name: str, space: Space) -> Mapping[str, tuple[int, ...]]:
    if not isinstance(space, WeightSpace):
        raise PruneError(
            f"allocation '{name}' spreads single weights by the shapes of layers, and is not defined for units of "
            f"granularity '{space.granularity}': expected granularity 'weight'"
        )
    return space.shapes
