"""Network Slimming: an L1 penalty on the scales of batch norms, Liu et al. 2017, arXiv:1708.06519, equation 1."""

from __future__ import annotations

import torch
from torch import nn

from fairprune.errors import PruneError
from fairprune.hook import Hook, Now
from fairprune.pruning.training_method import Setting, training_method


@training_method(
    paper="arXiv:1708.06519", granularities=("channel",), bound=False, criterion="bn_scale", allocation="global"
)
def slimming(setting: Setting, *, s: float = 1e-4) -> Hook:
    """Add s * sign(scale) to the gradients of the batch norms behind prunable layers.

    Published are s 1e-4 for VGG, 1e-5 for ResNets and DenseNets, and then one threshold over all scales. Raises
    PruneError for a layer without a batch norm behind it.

    Deviations: the paper trains from the initialisation, which here is start = "init"; by default the base model is
    trained on. The released code penalises every batch norm of the network; here those behind spared layers are left
    alone.
    """
    if not s >= 0:
        raise PruneError(f"slimming: s = {s:g}, expected a penalty of 0 or more")
    scales = _scales(setting)

    def on_gradients(_: Now) -> None:
        live = [(scale, scale.grad) for scale in scales if scale.grad is not None]
        if live:
            with torch.no_grad():
                signs = torch._foreach_sign([scale for scale, _ in live])
                torch._foreach_add_([gradient for _, gradient in live], signs, alpha=s)

    return Hook(on_gradients=on_gradients)


def _scales(setting: Setting) -> list[nn.Parameter]:
    """The scale of the batch norm behind each prunable layer; one that is behind several, once."""
    found: dict[int, nn.Parameter] = {}
    for layer in setting.space.layers:
        norm = setting.space.batch_norm_of.get(layer)
        scale = setting.network.get_submodule(norm)._parameters.get("weight") if norm is not None else None
        if scale is None:
            raise PruneError(
                f"slimming ranks channels by batch norms, and none with a scale is directly behind layer '{layer}': "
                f"spare that layer, or take a method without batch norm (soft_filter, greg1)"
            )
        found[id(scale)] = scale
    return list(found.values())
