"""Connection sensitivity before training: Lee et al. 2019, arXiv:1810.02340."""

from __future__ import annotations

import torch

from fairprune.pruning.criterion import Context, Scores, criterion


@criterion(
    needs=("gradients",),
    paper="arXiv:1810.02340",
    scope="network",
    granularities=("weight",),
    start="init",
    allocation="global",
    batch_statistics=True,
)
def snip(context: Context) -> Scores:
    """|w * dL/dw| over its sum in all layers, shape of the weight; zeros where every gradient is zero.

    The loss is the mean over the calibration samples, which stand for the paper's one mini-batch.

    Deviations: the paper's mini-batch has 128 images on CIFAR-10 and 100 on MNIST; here number and batches are the
    calibration's. Batch norm normalises by the batch, as published. The paper initialises by variance scaling; here
    networks keep their own initialisation.
    """
    found = {name: (weight * context.gradients[name]).abs() for name, weight in context.weights.items()}
    total = torch.stack([sensitivity.sum(dtype=torch.float64) for sensitivity in found.values()]).sum()
    return {name: sensitivity / (total if total > 0 else 1) for name, sensitivity in found.items()}
