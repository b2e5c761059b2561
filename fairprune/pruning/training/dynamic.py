"""What methods of dynamic sparse training share: they begin with random masks, and move them at a fixed density."""

from __future__ import annotations

import torch
from torch import Tensor

from fairprune.pruning.training.masked import Masked, masked
from fairprune.pruning.training_method import Setting


def random_masks(setting: Setting) -> Masked:
    """The weights of the setting's layers, as many of each masked at random as the target removes.

    The scores of a layer are its ranks in a random order, as fractions: all different, and alike in every layer.
    """
    held = masked(setting)
    held.put(setting.choose({layer: _drawn(setting, layer, weight) for layer, weight in held.weights.items()}))
    return held


def ranks(held: Masked) -> dict[str, Tensor]:
    """Scores from which the target chooses exactly the weights that are not masked, layer name -> weight's shape.

    They are the fractions that the first masks were chosen by, in another order: so any allocation gives every layer
    what it gave it then, and inside a layer what is kept ranks above what is masked.
    """
    scores = {}
    for layer, factor in held.factors.items():
        order = factor.cpu().reshape(-1).argsort(stable=True)
        scores[layer] = _fractions(order).reshape(factor.shape)
    return scores


def without_smallest(values: Tensor, members: Tensor, count: int) -> Tensor:
    """`members` (bool) less the `count` of them whose |values| are smallest; among equals the lower index goes."""
    places = members.nonzero().flatten()
    left = members.clone()
    left[places[values[places].abs().argsort(stable=True)[:count]]] = False
    return left


def _drawn(setting: Setting, layer: str, weight: Tensor) -> Tensor:
    order = torch.randperm(weight.numel(), generator=setting.generator(f"masks of {layer}"))
    return _fractions(order).reshape(weight.shape)


def _fractions(order: Tensor) -> Tensor:
    """The rank of every place in an order from lowest to highest, as a fraction of them all, fp64."""
    places = torch.arange(len(order), dtype=torch.float64) / max(len(order), 1)
    return torch.empty_like(places).scatter_(0, order, places)
