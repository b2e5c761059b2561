"""Gradient signal preservation before training: Wang et al. 2020, arXiv:2002.07376."""

from __future__ import annotations

import sys

from fairprune.pruning.criterion import Context, Scores, criterion


@criterion(
    needs=("gradient_stream", "hessian"),
    paper="arXiv:2002.07376",
    scope="network",
    granularities=("weight",),
    start="init",
    allocation="global",
    batch_statistics=True,
)
def grasp(context: Context, *, temperature: float = 200.0) -> Scores:
    """w * Hg, shape of the weight; g and H are gradient and Hessian of the mean loss over the calibration samples.

    Without the weight, the squared norm of the gradient changes by -2 w * Hg to first order, so weights with the
    highest w * Hg stay: the paper's score is the negative, of which the highest are removed. Outputs are divided by the
    `temperature` before the loss. Hg is one product.

    Deviations: the paper takes as many images of every class; here they are the calibration samples. Batch norm
    normalises by the batch, as published. That the authors normalise scores changes no order.
    """
    gradient = next(context.gradient_stream(sys.maxsize, temperature))
    products = context.hessian(gradient, temperature)
    return {name: weight * products[name] for name, weight in context.weights.items()}
