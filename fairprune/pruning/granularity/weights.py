"""Single weights as units: one group per layer, removed by masks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from fairprune.errors import PruneError
from fairprune.measure.cost import LayerCost
from fairprune.pruning.granularity.spare import CLASSIFIER, spared
from fairprune.pruning.plan import MaskPlan
from fairprune.pruning.space import Counts, Group, Kept, Scores
from fairprune.record import Size

PRUNABLE = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


@dataclass(frozen=True)
class WeightSpace:
    """The weights of convolutions and linear layers, less those spared. A group is a layer, named like it.

    Sizes are the dense network's; weights that `masks` prunes are gone: they score -inf and are never kept again.
    """

    groups: tuple[Group, ...]
    shapes: Mapping[str, torch.Size]
    positions: Mapping[str, int]  # multiply-adds of one weight of the layer
    others: Size  # all that these weights do not cost
    masks: Mapping[str, Tensor] = field(default_factory=dict)  # layer -> what is left, bool [size]
    granularity: Literal["weight"] = "weight"
    minimum: Literal[0] = 0
    held: tuple[str, ...] = ()

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers to score."""
        return tuple(group.name for group in self.groups)

    @property
    def batch_norm_of(self) -> Mapping[str, str]:
        """Empty: the scale of a batch norm belongs to a channel, not to a weight."""
        return {}

    def group_scores(self, scores: Scores, reduce: str = "mean") -> Mapping[str, Tensor]:  # noqa: ARG002 (one layer each)
        """Scores of the weights' shapes, flattened. Raises PruneError for other shapes."""
        flat = {}
        for name, shape in self.shapes.items():
            if name not in scores or scores[name].shape != shape:
                found = list(scores[name].shape) if name in scores else "none"
                raise PruneError(f"scores of layer '{name}': expected one per weight, {list(shape)}, got {found}")
            flat[name] = scores[name].reshape(-1)
            if name in self.masks:
                flat[name] = torch.where(self.masks[name], flat[name], -math.inf)
        return flat

    def size(self, counts: Counts) -> Size:
        """Every weight kept costs one parameter, and one multiply-add per position."""
        return Size(
            params=self.others.params + sum(counts[name] for name in self.shapes),
            macs=self.others.macs + sum(counts[name] * self.positions[name] for name in self.shapes),
        )

    def plan(self, kept: Kept) -> MaskPlan:
        """Masks of the layers' weights."""
        masks = {}
        for name, shape in self.shapes.items():
            mask = torch.zeros(shape.numel(), dtype=torch.bool)
            mask[kept[name]] = True
            masks[f"{name}.weight"] = mask.reshape(shape)
        return MaskPlan(masks)


def weight_space(
    network: nn.Module,
    cost: Sequence[LayerCost],
    spare: Sequence[str] = (CLASSIFIER,),
    masks: Mapping[str, Tensor] | None = None,
) -> WeightSpace:
    """The prunable weights of a network.

    `cost` is `count(network, example).layers`, without masks. `spare` holds patterns over layer names, or "classifier";
    `masks` (parameter name -> bool) says what an earlier round has left. Raises PruneError for a pattern, mask or layer
    that does not fit.
    """
    layers = {name: module for name, module in network.named_modules() if isinstance(module, PRUNABLE)}
    for name in spared(network, list(layers), spare):
        del layers[name]
    if not layers:
        raise PruneError(f"nothing to prune: every convolution and linear layer is spared by {list(spare)}")
    for name, layer in layers.items():
        if is_parametrized(layer, "weight"):
            raise PruneError(f"the weight of layer '{name}' is computed from other parameters: spare it")
    shapes = {name: layer.weight.shape for name, layer in layers.items()}
    costs = {layer.name: layer for layer in cost}
    weights = {name: shape.numel() for name, shape in shapes.items()}
    positions = {name: _positions(name, costs.get(name), n) for name, n in weights.items()}
    return WeightSpace(
        groups=tuple(Group(name, n, (name,)) for name, n in weights.items()),
        shapes=shapes,
        positions=positions,
        others=Size(
            params=sum(layer.params for layer in cost) - sum(weights.values()),
            macs=sum(layer.macs for layer in cost) - sum(n * positions[name] for name, n in weights.items()),
        ),
        masks=_flat_masks(masks or {}, shapes),
    )


def _positions(name: str, cost: LayerCost | None, weights: int) -> int:
    if cost is None or cost.params < weights:  # each parameter is counted once, under its first layer
        raise PruneError(f"layer '{name}' shares its weight with another layer: spare one of the two")
    if cost.macs != cost.positions * weights:
        raise PruneError(f"layer '{name}' does not use all its weights equally often: spare it")
    return cost.positions


def _flat_masks(masks: Mapping[str, Tensor], shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    flat = {}
    for parameter, mask in masks.items():
        name = parameter.removesuffix(".weight")
        if name not in shapes or mask.shape != shapes[name]:
            expected = list(shapes[name]) if name in shapes else f"a mask of {', '.join(sorted(shapes))}"
            raise PruneError(f"mask of {parameter} {list(mask.shape)} does not fit: expected {expected}")
        flat[name] = mask.cpu().reshape(-1)
    return flat
