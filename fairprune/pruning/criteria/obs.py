"""Optimal brain surgeon: Hassibi and Stork 1993, with the block-wise inverse Fisher of WoodFisher, arXiv:2004.14340."""

from __future__ import annotations

import torch

from fairprune.pruning.criterion import Context, Scores, criterion
from fairprune.pruning.fisher import BLOCK, CHUNK, DAMP, LIMIT, Settings, check_layers, fishers


@criterion(
    needs=("gradient_stream",),
    paper="arXiv:2004.14340",
    scope="network",
    granularities=("weight",),
    repair="obs",
    check=check_layers,
)
def obs(
    context: Context, *, block: int = BLOCK, damp: float = DAMP, chunk: int = CHUNK, limit: float = LIMIT
) -> Scores:
    """w_q^2 / (2 [F^-1]_qq): by how much the loss grows if q is removed and its block adapts (equation 5 of OBS).

    block  consecutive weights that adapt to each other; 2,000 is the paper's for ResNet-50 (10,000 for MobileNetV1; in
           CIFAR ResNet-20 whole layers, up to 36,864)
    damp   added to the diagonal of F, 1e-5 as in the paper
    chunk  images per gradient; the paper's is 1 for ResNet-20, and 400 and 2,400 for its ImageNet networks
    limit  GB that F may take; above it the criterion is refused, see fairprune.pruning.fisher.check_memory

    Weights that are zero already take no part, as in the released code: earlier rounds have pruned them.

    Deviations: the paper inverts F by a recursion over gradients; here it is one step by the Woodbury identity, or a
    direct inverse where that is smaller, which are equal. OBS removes one weight and updates all others before the
    next; here all are ranked at once, and the repair updates the others jointly.
    """
    taking_part = {name: weight != 0 for name, weight in context.weights.items()}
    found = fishers(context, Settings(block, damp, chunk, limit), taking_part)
    scores = {}
    for name, weight in context.weights.items():
        inverse = found.pop(name).inverse_diagonal().reshape(weight.shape)
        scores[name] = (weight.double().square() / (2 * inverse)).to(torch.promote_types(weight.dtype, torch.float32))
    return scores
