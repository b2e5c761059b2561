"""First-order Taylor expansion of the loss: Molchanov et al. 2019, arXiv:1906.10771."""

from __future__ import annotations

from torch import Tensor

from fairprune.pruning.criterion import Context, Scores, criterion


@criterion(needs=("gradient_stream",), paper="arXiv:1906.10771", scope="network", granularities=("channel", "weight"))
def taylor(context: Context, *, batch: int = 256) -> Scores:
    """(sum of w * dL/dw over the filter)^2, [out]; for single weights (w * dL/dw)^2. Mean over mini-batches.

    The filter's sum is the paper's contribution of a group, that of a gate in front of the batch norm. `batch` is the
    authors' for ImageNet; every mini-batch counts the same, though the last may be smaller. With 1, it is the paper's
    variant with a gradient for every example.

    Deviations: the paper scores while it finetunes; here the network stands still. Other variants of the paper are the
    gate behind the batch norm, and the sum of single weights' squares, which the authors' code computes for weights.
    """
    scores: dict[str, Tensor] = {}
    batches = 0
    for gradients in context.gradient_stream(batch):
        batches += 1
        for name, gradient in gradients.items():
            change = context.weights[name] * gradient
            if context.granularity == "channel":
                change = change.flatten(1).sum(1)
            scores[name] = scores.get(name, 0) + change.square()
    return {name: total / batches for name, total in scores.items()}
