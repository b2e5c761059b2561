"""Random pruning: the control that every criterion has to beat."""

from __future__ import annotations

import torch
from torch import Tensor

from fairprune.pruning.criterion import Context, Scores, criterion


@criterion(paper="control", granularities=("weight", "channel", "block"))
def random(context: Context) -> Scores:
    """A score drawn uniformly from [0, 1) for every unit: of the weight's shape, or [out] for channels and blocks.

    Channels get one draw each: a sum of draws over the filter would rank wide layers above narrow ones. Of a block each
    layer gets one: a mean of many draws would tell wide layers from narrow ones by how little it varies.

    Deviations: none.
    """
    return {name: _draw(weight, context) for name, weight in context.weights.items()}


def _draw(weight: Tensor, context: Context) -> Tensor:
    if context.granularity == "block":
        return torch.rand(1, generator=context.generator).repeat(len(weight))
    whole = context.granularity == "channel"
    return torch.rand(weight.shape[:1] if whole else weight.shape, generator=context.generator)
