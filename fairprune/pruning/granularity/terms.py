"""The size of a network as a sum of products of channel counts: exact, without a forward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from torch import nn

from fairprune.errors import NetworkError
from fairprune.measure.cost import Cost
from fairprune.pruning.granularity.flow import Ids
from fairprune.pruning.granularity.modules import is_depthwise
from fairprune.pruning.granularity.units import Units
from fairprune.record import Size

NOTHING = Size(params=0, macs=0)


@dataclass(frozen=True)
class Terms:
    """params = fixed + sum over terms of params * (left . c) * (right . c), and macs alike, with c = [*counts, 1].

    left, right    int64 [terms, groups + 1]: channels per unit of each group, and those that stay
    params, macs   int64 [terms]
    """

    left: Ids
    right: Ids
    params: Ids
    macs: Ids
    fixed: Size

    def size(self, counts: Sequence[int]) -> Size:
        """The size with that many units kept of each group."""
        vector = np.array([*counts, 1], dtype=np.int64)
        products = (self.left @ vector) * (self.right @ vector)
        return Size(
            params=self.fixed.params + int(products @ self.params), macs=self.fixed.macs + int(products @ self.macs)
        )


def terms_of(network: nn.Module, units: Units, producers: Mapping[str, int], cost: Cost) -> Terms:
    """Terms of all modules with sides; whatever else `cost` counts is fixed.

    Raises NetworkError where a layer's cost is not the product of its channels that it should be.
    """
    full = [group.size for group in units.groups]
    costs = {layer.name: layer for layer in cost.layers}
    one = np.append(np.zeros(len(full), dtype=np.int64), 1)
    rows: list[Row] = []
    for name in dict.fromkeys(side.rpartition("/")[0] for side in units.sides):
        if name not in costs:  # no parameters
            continue
        module, layer = network.get_submodule(name), costs[name]
        out = units.per_unit(f"{name}/out")
        new = [(out, one, sum(p is not None for p in module._parameters.values()), 0)]  # one entry each per channel
        if name in producers or is_depthwise(module):
            kernel = module.get_parameter("weight").shape[2:].numel()
            into = units.per_unit(f"{name}/in") if name in producers else one
            bias = module._parameters.get("bias") is not None
            new = [(out, into, kernel, kernel * layer.positions), (out, one, int(bias), 0)]
        whole = _terms(new, len(full)).size(full)
        if (whole.params, whole.macs) != (layer.params, layer.macs):
            raise NetworkError(f"layer '{name}' does not cost what its channels do: spare the layers around it")
        rows += new
    moving = _terms(rows, len(full)).size(full)
    fixed = Size(params=cost.params - moving.params, macs=cost.macs - moving.macs)
    return _terms(rows, len(full), fixed)


Row: TypeAlias = tuple[Ids, Ids, int, int]  # left, right, params, macs


def _terms(rows: Sequence[Row], groups: int, fixed: Size = NOTHING) -> Terms:
    sides = np.array([(left, right) for left, right, _, _ in rows], dtype=np.int64).reshape(-1, 2, groups + 1)
    factors = np.array([(params, macs) for _, _, params, macs in rows], dtype=np.int64).reshape(-1, 2)
    return Terms(sides[:, 0], sides[:, 1], factors[:, 0], factors[:, 1], fixed)
