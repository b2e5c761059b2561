"""Gradient times weight: the gradient magnitude pruning of Blalock et al. 2020, arXiv:2003.03033."""

from __future__ import annotations

from fairprune.pruning.criterion import Context, Scores, criterion


@criterion(needs=("gradients",), paper="arXiv:2003.03033")
def gradient_weight(context: Context) -> Scores:
    """|w * dL/dw|, of the weight's shape, with the gradient of the mean loss over the calibration samples.

    Deviations: the paper takes the gradient of one batch of inputs.
    """
    return {name: (weight * context.gradients[name]).abs() for name, weight in context.weights.items()}
