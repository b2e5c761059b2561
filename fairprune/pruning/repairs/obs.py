"""The update of optimal brain surgeon (Hassibi and Stork 1993), with the Fisher of WoodFisher, arXiv:2004.14340."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from fairprune.pruning.criterion import Context
from fairprune.pruning.fisher import BLOCK, CHUNK, DAMP, LIMIT, Settings, check_layers, fishers
from fairprune.pruning.repair import Remaining, repair


@repair(needs=("gradient_stream",), paper="arXiv:2004.14340", granularities=("weight",), check=check_layers)
def obs(
    context: Context,
    remaining: Remaining,
    *,
    block: int = BLOCK,
    damp: float = DAMP,
    chunk: int = CHUNK,
    limit: float = LIMIT,
) -> Mapping[str, Tensor]:
    """w - F^-1[:, Q] (F^-1[Q, Q])^-1 w_Q, with Q all that a block loses: the joint optimum, and zero for Q.

    For one weight this is equation 5 of OBS. F and the options are those of the criterion `obs`.

    Deviations: where many go at once, released code of WoodFisher adds up the updates that each of them would ask for
    alone; here the constraint holds for all of them together.
    """
    found = fishers(context, Settings(block, damp, chunk, limit))
    mended = {}
    for name, weight in context.weights.items():
        kept = remaining[name]
        change = found.pop(name).compensation(weight.reshape(-1), kept.reshape(-1)).reshape(weight.shape)
        mended[name] = torch.where(kept, weight + change, 0.0).to(weight.dtype)
    return mended
