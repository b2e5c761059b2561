"""From tied channels to units: which positions of which module stay or go together, in groups that cost the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from fairprune.errors import NetworkError
from fairprune.pruning.granularity.flow import FIXED, Channels, Ids
from fairprune.pruning.space import Group


@dataclass(frozen=True)
class Units:
    """The units of a network, numbered group after group.

    groups  in the order in which the network makes them
    starts  number of each group's first unit, and behind them the number of units, shape [groups + 1]
    sides   "<module>/out", "<module>/in" -> unit of every position, -1 where it has to stay
    """

    groups: tuple[Group, ...]
    starts: Ids
    sides: Mapping[str, Ids]

    def per_unit(self, side: str) -> Ids:
        """Positions of a side for each unit of each group, and behind them those that stay: shape [groups + 1]."""
        numbers = self.sides[side]
        group = np.searchsorted(self.starts, numbers[numbers >= 0], side="right") - 1
        positions = np.bincount(group, minlength=len(self.groups)) // np.diff(self.starts)
        return np.append(positions, np.count_nonzero(numbers < 0)).astype(np.int64)

    def positions(self, group: int, side: str) -> Ids:
        """Positions of a side that belong to each unit of a group, shape [units, positions per unit]."""
        numbers = self.sides[side]
        inside = np.flatnonzero((numbers >= self.starts[group]) & (numbers < self.starts[group + 1]))
        return inside[np.argsort(numbers[inside], kind="stable")].reshape(self.groups[group].size, -1)


def units_of(channels: Channels) -> Units:
    """Units are classes of tied channels that some layer makes and that nothing holds in place.

    Two units are of one group when they occupy as many positions of the same sides. Raises NetworkError if a unit
    flows into an operation that channel pruning does not know.
    """
    classes = channels.classes()
    made = np.concatenate([channels.sides[f"{layer}/out"] for layer in channels.producers] or [np.zeros(0, np.int64)])
    first = np.full(classes.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, classes[made], made)
    first[FIXED] = np.iinfo(np.int64).max
    order = np.argsort(first, kind="stable")[: np.count_nonzero(first < np.iinfo(np.int64).max)]
    unit = np.full(len(first), -1, dtype=np.int64)  # class -> unit, in the order in which layers make them
    unit[order] = np.arange(len(order))
    _refuse_doubts(channels, unit[classes])
    sides = {name: unit[classes[ids]] for name, ids in channels.sides.items()}
    group = _groups(sides, len(order))
    rank = np.argsort(np.argsort(group, kind="stable"), kind="stable")  # unit -> its number, group after group
    sides = {name: np.where(numbers < 0, -1, np.append(rank, -1)[numbers]) for name, numbers in sides.items()}
    sizes = np.bincount(group, minlength=0)
    starts = np.append(0, np.cumsum(sizes)).astype(np.int64)
    return Units(_named(channels, sides, starts), starts, sides)


def _groups(sides: Mapping[str, Ids], units: int) -> Ids:
    """Group of every unit: units with equal columns in the table of positions per side, numbered by first unit."""
    table = np.zeros((len(sides) + 1, units), dtype=np.int64)
    for row, numbers in enumerate(sides.values()):
        table[row] = np.bincount(numbers[numbers >= 0], minlength=units)
    _, first, inverse = np.unique(table, axis=1, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse.reshape(-1)].astype(np.int64)


def _named(channels: Channels, sides: Mapping[str, Ids], starts: Ids) -> tuple[Group, ...]:
    """Each group is called after the first layer that makes it; a later one of the same layer gets a number."""
    groups: list[Group] = []
    seen: dict[str, int] = {}
    for start, stop in pairwise(starts):
        layers = tuple(layer for layer in channels.producers if start in sides[f"{layer}/out"])
        seen[layers[0]] = seen.get(layers[0], 0) + 1
        name = layers[0] if seen[layers[0]] == 1 else f"{layers[0]}#{seen[layers[0]]}"
        groups.append(Group(name, int(stop - start), layers))
    return tuple(groups)


def _refuse_doubts(channels: Channels, unit: Ids) -> None:
    for operation, ids in channels.doubts:
        units = np.unique(unit[ids])
        units = units[units >= 0]
        feeding = [layer for layer in channels.producers if np.isin(unit[channels.sides[f"{layer}/out"]], units).any()]
        if feeding:
            raise NetworkError(
                f"{operation} is unknown to channel pruning: spare the layers whose channels reach it "
                f"({', '.join(feeding)}), or prune weights instead of channels"
            )
