"""Summaries: from a study, its points and their records to everything that is shown. Runs no network."""

from fairprune.summary.brief import Brief, brief
from fairprune.summary.build import summarise
from fairprune.summary.cost import charges, places
from fairprune.summary.images import Correct, correct_in
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

__all__ = [
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
