"""Channels as they flow through a network: an id per position of a channel dimension, and which ids belong together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Ids: TypeAlias = npt.NDArray[np.int64]

FIXED = 0  # the id of every position that has to stay


@dataclass(frozen=True)
class Flow:
    """A tensor with channels: position i of dimension `axis` is channel `ids[i]`."""

    axis: int
    ids: Ids


@dataclass(frozen=True)
class Extent:
    """A size, or tuple of sizes, that follows from the number of channels: entry `axis` of the tuple, or the number."""

    axis: int | None
    ids: Ids


Value: TypeAlias = Flow | Extent | None  # None: nothing in it depends on which channels are kept


@dataclass
class Channels:
    """What is known of a network's channels, gathered operation by operation.

    A side is one dimension of one module ("conv1/out", "conv1/in"); a module that is called twice has one id per
    position all the same, so both calls are tied.
    """

    sides: dict[str, Ids] = field(default_factory=dict)
    producers: dict[str, int] = field(default_factory=dict)  # layer -> dimension of its weight that makes channels
    batch_norm_of: dict[str, str] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)  # modules that are not to be resized
    doubts: list[tuple[str, Ids]] = field(default_factory=list)  # operations that are only right if these ids stay
    holders: dict[str, None] = field(default_factory=dict)  # operations that hold channels in place, in order
    _next: int = FIXED + 1
    _ties: list[tuple[Ids, Ids]] = field(default_factory=list)

    def fresh(self, number: int) -> Ids:
        """New channels, tied to nothing yet."""
        self._next += number
        return np.arange(self._next - number, self._next, dtype=np.int64)

    def tie(self, left: Ids, right: Ids) -> None:
        """Position by position, these stay or go together."""
        self._ties.append((left, right))

    def lock(self, value: Value) -> None:
        """All channels of the value have to stay."""
        if value is not None:
            self.tie(value.ids, np.zeros_like(value.ids))

    def side(self, name: str, ids: Ids) -> Ids:
        """The ids of a module's side, tied to those of earlier calls."""
        first = self.sides.setdefault(name, ids)
        if first is not ids:
            self.tie(first, ids)
        return first

    def keep_whole(self, module: str) -> None:
        """Nothing of this module is to be removed."""
        for side in (f"{module}/in", f"{module}/out"):
            if side in self.sides:
                self.lock(Flow(0, self.sides.pop(side)))
        self.producers.pop(module, None)

    def classes(self) -> Ids:
        """Class of every id, shape [ids]: tied ids share one; class 0 is that of everything that has to stay."""
        left = np.concatenate([a for a, _ in self._ties] or [np.zeros(0, dtype=np.int64)])
        right = np.concatenate([b for _, b in self._ties] or [np.zeros(0, dtype=np.int64)])
        graph = coo_matrix((np.ones(len(left)), (left, right)), shape=(self._next, self._next))
        labels = connected_components(graph, directed=False)[1].astype(np.int64)
        order = np.full(labels.max() + 1, -1, dtype=np.int64)  # renumbered by first id, so FIXED has class 0
        _, first = np.unique(labels, return_index=True)
        order[labels[np.sort(first)]] = np.arange(len(first))
        renumbered: Ids = order[labels]
        return renumbered
