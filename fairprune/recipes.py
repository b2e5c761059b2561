"""Recipes: in canonical form, and as what differs from another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairprune import schedules
from fairprune.spec import Recipe


def canonical_recipe(recipe: Recipe) -> Recipe:
    """The recipe with its schedule in canonical text, so that equal recipes are equal values."""
    return recipe.model_copy(update={"schedule": str(schedules.parse(recipe.schedule))})


def merged(base: Recipe, changed: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a recipe that differ from the base's; of the optimizer too, only those that are given."""
    optimizer = changed.get("optimizer")
    both = {"optimizer": {**base.optimizer.model_dump(), **optimizer}} if isinstance(optimizer, Mapping) else {}
    return {**changed, **both}
