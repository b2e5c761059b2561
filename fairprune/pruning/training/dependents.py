"""All weights that go with a unit of channels, and their norms, worked out for all units at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fairprune.pruning.granularity.channels import ChannelSpace
from fairprune.pruning.granularity.flow import Ids
from fairprune.pruning.granularity.modules import BATCH_NORMS, CONVOLUTIONS, TRANSPOSED, is_depthwise


@dataclass(frozen=True)
class Side:
    """One dimension of a parameter: the unit that each position belongs to, [positions], -1 for those that stay."""

    parameter: int
    dim: int
    units: Tensor


@dataclass(frozen=True)
class Dependents:
    """Weights of convolutions and linear layers, and scales of batch norms, as slices that belong to units.

    parameters  each one once
    sides       dimensions of parameters that hold slices of units
    places      [units, most]: where a unit's slices lie among the positions of all sides, one side after the other;
                filled up with the place behind the last
    group       [units]: the group of each unit
    members     [groups, most]: the units of each group, filled up with its first
    """

    parameters: Sequence[nn.Parameter]
    sides: Sequence[Side]
    places: Tensor
    group: Tensor
    members: Tensor

    def norms(self) -> Tensor:
        """The L2 norm of all that depends on each unit, [units]; a weight between channels of one unit counts twice."""
        with torch.no_grad():
            squares = torch._foreach_mul(list(self.parameters), list(self.parameters))
            parts = [_along(squares[side.parameter], side.dim).sum(1) for side in self.sides]
            return torch.cat([*parts, parts[0].new_zeros(1)])[self.places].sum(1).sqrt()

    def extremes(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """The least and the greatest value in the group of each unit, both [units]."""
        low, high = torch.aminmax(values[self.members], dim=1)
        return low[self.group], high[self.group]

    def means(self, values: Tensor) -> Tensor:
        """The mean value in the group of each unit, [units]."""
        counts = torch.bincount(self.group.cpu())
        sums = torch.zeros(len(counts), dtype=torch.float64).index_add_(0, self.group.cpu(), values.cpu().double())
        return (sums / counts).to(values)[self.group]

    def spread(self, values: Tensor, factors: Sequence[Tensor]) -> None:
        """Set each element of the factors (as of the parameters) to the sum of the values of its units, 0 for none."""
        padded = torch.cat([values, values.new_zeros(1)])
        for factor in factors:
            factor.zero_()
        for side in self.sides:
            factor = factors[side.parameter]
            shape = [-1 if dim == side.dim else 1 for dim in range(factor.ndim)]
            factor.add_(padded[side.units].view(shape))


def dependents_of(network: nn.Module, space: ChannelSpace) -> Dependents:
    """What depends on the units of a space."""
    parameters: list[nn.Parameter] = []
    sides: list[Side] = []
    numbers: list[Ids] = []
    for name, units in space.units.sides.items():
        module, _, end = name.rpartition("/")
        owner = network.get_submodule(module)
        weight, dim = owner._parameters.get("weight"), _dimension(owner, end)
        if weight is None or dim is None or (units < 0).all():
            continue
        if not any(weight is known for known in parameters):
            parameters.append(weight)
        index = next(index for index, known in enumerate(parameters) if known is weight)
        sides.append(Side(index, dim, torch.from_numpy(units).to(weight.device)))
        numbers.append(units)
    device = parameters[0].device
    starts = space.units.starts
    group = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    places = _table(np.concatenate(numbers), int(starts[-1]))
    members = np.minimum(starts[:-1, None] + np.arange(np.diff(starts).max()), starts[1:, None] - 1)
    return Dependents(parameters, sides, *(torch.from_numpy(ids).to(device) for ids in (places, group, members)))


def _along(tensor: Tensor, dim: int) -> Tensor:
    """[positions, rest] from a tensor with positions along a dimension."""
    return tensor.transpose(0, dim).reshape(tensor.shape[dim], -1)


def _dimension(module: nn.Module, end: str) -> int | None:
    """The dimension of a module's weight along which one of its sides ("in", "out") lies; None: it has no such."""
    kind = type(module)
    if kind in BATCH_NORMS:
        return 0
    if kind not in (nn.Linear, *CONVOLUTIONS, *TRANSPOSED):
        return None
    transposed = kind in TRANSPOSED
    if is_depthwise(module):
        return 0 if (end == "in") == transposed else None
    return int((end == "in") != transposed)


def _table(units: Ids, total: int) -> Ids:
    """Positions of every unit, [total, most]: where each number 0 ... total - 1 occurs, filled up with len(units)."""
    order = np.argsort(units, kind="stable")[np.count_nonzero(units < 0) :]
    counts = np.bincount(units[order], minlength=total)
    table = np.full((total, counts.max()), len(units), dtype=np.int64)
    first = np.append(0, np.cumsum(counts))[:-1]
    table[units[order], np.arange(len(order)) - first[units[order]]] = order
    return table
