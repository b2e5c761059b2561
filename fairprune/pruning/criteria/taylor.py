"""First-order Taylor expansion of the loss: Molchanov et al. 2019, arXiv:1906.10771."""

from __future__ import annotations

from torch import Tensor

from fairprune.pruning.criterion import Context, Scores, criterion


@criterion(needs=("gate_stream",), paper="arXiv:1906.10771", scope="network", granularities=("channel", "weight"))
def taylor(context: Context, *, batch: int = 32) -> Scores:
    """(dL/dz)^2 for a gate z = 1 on each filter's output, [out]; for single weights (w * dL/dw)^2. Mean over batches.

    The gate stands behind the batch norm where one follows (the paper's Taylor-FO-BN), and the gradient is then
    gamma * dL/dgamma + beta * dL/dbeta: what the filter's removal changes, to first order. Every mini-batch of `batch`
    samples counts the same, though the last may be smaller.

    Deviations: the paper scores while it finetunes, over many more mini-batches, and removes a few filters at a time;
    here the network stands still, and all go at once (see `steps`). It ranks convolutions of all layers together,
    which is allocation "global"; among linear layers too, that empties them, as each of many units matters little.
    """
    scores: dict[str, Tensor] = {}
    batches = 0
    for slopes in context.gate_stream(batch):
        batches += 1
        for name, slope in slopes.items():
            scores[name] = scores.get(name, 0) + slope.square()
    return {name: total / batches for name, total in scores.items()}
