"""Scales of the batch norms behind layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from fairprune.errors import PruneError
from fairprune.pruning.criterion import Criterion


def scales_of(
    network: nn.Module, criterion: Criterion, layers: Sequence[str], batch_norm_of: Mapping[str, str]
) -> dict[str, Tensor]:
    """The scale of the batch norm behind each layer, [out]. Raises PruneError for a layer without one."""
    scales: dict[str, Tensor] = {}
    for layer in layers:
        scale = (
            network.get_submodule(batch_norm_of[layer])._parameters.get("weight") if layer in batch_norm_of else None
        )
        if scale is None:
            raise PruneError(
                f"criterion '{criterion.name}' needs a batch norm with a scale behind layer '{layer}', which has none: "
                f"spare that layer or take another criterion"
            )
        scales[layer] = scale
    return scales
