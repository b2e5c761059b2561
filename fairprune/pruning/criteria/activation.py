"""Activation times weight: Blalock et al. 2020, arXiv:2003.03033 (their library's activation magnitude)."""

from __future__ import annotations

from torch import Tensor

from fairprune.pruning.criterion import Context, Scores, criterion


@criterion(needs=("activations",), paper="arXiv:2003.03033")
def activation_weight(context: Context) -> Scores:
    """|w| * mean |input|, of the weight's shape, with the input unit (channel, feature) that the weight reads.

    The mean is over calibration samples and positions.

    Deviations: it is in the authors' library, not in the paper's comparison. The library averages the inputs of one
    batch before it takes magnitudes, which is the same behind a ReLU.
    """
    return {
        name: weight.abs() * _per_weight(context.activations[name], weight) for name, weight in context.weights.items()
    }


def _per_weight(inputs: Tensor, weight: Tensor) -> Tensor:
    """Inputs [in] laid out as [out or 1, in / groups, 1 ...]: filters of a grouped convolution read their own part."""
    rows = inputs.reshape(-1, weight.shape[1])
    if len(rows) > 1:
        rows = rows.repeat_interleave(weight.shape[0] // len(rows), dim=0)
    return rows.reshape(*rows.shape, *[1] * (weight.dim() - 2))
