"""Rank of feature maps: HRank, Lin et al. 2020, arXiv:2002.10179."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from fairprune.errors import PruneError
from fairprune.pruning.criterion import Context, Scores, criterion


def check_maps(shapes: Mapping[str, torch.Size], _samples: int, _options: Mapping[str, Any]) -> None:
    """Raise PruneError for a layer with maps of more than two dimensions, from the shapes of weights."""
    for layer, shape in shapes.items():
        _check_dimensions(layer, len(shape))


@criterion(needs=("outputs",), paper="arXiv:2002.10179", scope="network", granularities=("channel",), check=check_maps)
def hrank(context: Context) -> Scores:
    """Mean rank over the calibration images of the feature maps behind batch norm and ReLU, [out], fp64.

    A map is a matrix [height, width]. Its rank is taken on the CPU, in its own precision, with torch's tolerance, as
    the authors do. Maps of one dimension count as one row and features without positions as one number: their rank says
    whether they are active. Raises PruneError for maps of more than two dimensions, or that are not finite.

    Deviations: the authors use 500 images, and for a layer in front of a residual addition the maps behind that; here
    the images are the calibration's, and the maps the layer's own.
    """
    ranks = {name: torch.zeros((), dtype=torch.float64) for name in context.weights}
    images = 0
    for outputs in context.outputs():
        images += len(next(iter(outputs.values())))
        for name, maps in outputs.items():
            ranks[name] = ranks[name] + _ranks(name, maps.cpu().relu()).sum(0, dtype=torch.float64)
    return {name: total / images for name, total in ranks.items()}


def _check_dimensions(layer: str, dimensions: int) -> None:
    if dimensions > 4:
        maps = f"those of layer '{layer}' have {dimensions - 2}"
        raise PruneError(f"hrank scores maps of two dimensions, {maps}: spare it")


def _ranks(layer: str, maps: Tensor) -> Tensor:
    """[batch, out, ...] -> rank of every map, [batch, out]."""
    _check_dimensions(layer, maps.dim())
    if not bool(torch.isfinite(maps).all()):
        raise PruneError(f"outputs of layer '{layer}' are not finite: hrank cannot rank them")
    while maps.dim() < 4:
        maps = maps.unsqueeze(2)
    ranks: Tensor = torch.linalg.matrix_rank(maps)
    return ranks
