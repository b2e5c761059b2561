"""Random pruning: the control that every criterion has to beat."""

from __future__ import annotations

import torch

from fairprune.pruning.criterion import Context, Scores, criterion


@criterion(paper="control")
def random(context: Context) -> Scores:
    """A score drawn uniformly from [0, 1) for every unit.

    Channels get one draw each: a sum of draws over the filter would rank wide layers above narrow ones.
    """
    whole = context.granularity == "channel"
    return {
        name: torch.rand(weight.shape[:1] if whole else weight.shape, generator=context.generator)
        for name, weight in context.weights.items()
    }
