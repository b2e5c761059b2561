"""Summaries: from a study, its points and their records to everything that is shown. Runs no network."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from fairprune.summary.values import (
    Beside,
    Cell,
    Charge,
    Comparison,
    Cost,
    Panel,
    Place,
    Range,
    Rank,
    Ranking,
    Replicate,
    Spread,
    State,
    Summary,
)

if TYPE_CHECKING:
    from fairprune.summary.briefs import Brief, brief
    from fairprune.summary.build import summarise
    from fairprune.summary.cost import charges, places
    from fairprune.summary.images import Answers, Correct, correct_in

__all__ = [
    "Answers",
    "Beside",
    "Brief",
    "Cell",
    "Charge",
    "Comparison",
    "Correct",
    "Cost",
    "Panel",
    "Place",
    "Range",
    "Rank",
    "Ranking",
    "Replicate",
    "Spread",
    "State",
    "Summary",
    "brief",
    "charges",
    "correct_in",
    "places",
    "summarise",
]

_HOMES = {
    **dict.fromkeys(("Brief", "brief"), "briefs"),
    **dict.fromkeys(("charges", "places"), "cost"),
    **dict.fromkeys(("Answers", "Correct", "correct_in"), "images"),
    "summarise": "build",
}


def __getattr__(name: str) -> Any:
    """What makes summaries, on first use: whoever only shows one does not wait for the statistics."""
    if name not in _HOMES:
        raise AttributeError(f"module 'fairprune.summary' has no attribute '{name}'")
    return getattr(importlib.import_module(f"fairprune.summary.{_HOMES[name]}"), name)
