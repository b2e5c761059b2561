"""Weights as criteria and repairs see them, [out, in / groups, ...].

torch keeps those of transposed convolutions as [in, out / groups, ...]; spaces, plans and networks hold them so. What
looks at single filters would take their inputs for outputs, unnoticed where a layer has as many of the ones as of the
others. So weights, and all that has their shape, are turned on the way into a context, and answers on the way back.
"""

from __future__ import annotations

from torch import Tensor, nn

from fairprune.pruning.granularity.modules import TRANSPOSED


def shown(layer: nn.Module, tensor: Tensor) -> Tensor:
    """What has the shape of a layer's weight, as [out, in / groups, ...]. Itself, but of transposed convolutions."""
    if not isinstance(layer, TRANSPOSED):
        return tensor
    grouped = tensor.reshape(layer.groups, -1, *tensor.shape[1:])
    return grouped.transpose(1, 2).flatten(0, 1).contiguous()


def stored(layer: nn.Module, tensor: Tensor) -> Tensor:
    """The way back: what is [out, in / groups, ...], in the layout of the layer's weight."""
    return shown(layer, tensor)  # [out, in / groups] becomes [in, out / groups] by the same exchange inside each group
