"""Raw data sets: what a data set function hands over, before anything is split.

A data set is a function `name(root: Path, **options) -> Raw`; a user's own has the same contract.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fairprune.data.summary import Summary
from fairprune.errors import DataError

Shape = tuple[int, int, int]  # channels, height, width


@dataclass(frozen=True, eq=False)
class Images:
    """Decoded images in memory: uint8 [n, channels, height, width], and their labels, int64 [n], in the same order.

    `summary` may be left out; it is computed when the data set is split.
    """

    pixels: Tensor
    labels: Tensor
    summary: Summary | None = None

    @property
    def shape(self) -> Shape:
        """Channels, height and width of one image."""
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width


@dataclass(frozen=True, eq=False)
class Streamed:
    """Images too many to hold: `read` decodes one by its index, uint8 [channels, height, width], from any thread."""

    read: Callable[[int], Tensor]
    labels: Tensor
    shape: Shape
    summary: Summary | None = None


Source = Images | Streamed


@dataclass(frozen=True, eq=False)
class Raw:
    """A data set before it is split. `test` is the official test set; None where there is none."""

    name: str  # for people: "CIFAR-10"
    train: Source
    test: Source | None
    classes: int


def check_raw(raw: object, name: str) -> Raw:
    """The same value, if it keeps the contract. Raises DataError naming the data set and what is wrong with it."""
    if not isinstance(raw, Raw):
        raise DataError(f"data set '{name}': expected a Raw of fairprune.data.raw, got {type(raw).__name__}")
    _check(raw.train, raw.classes, f"data set '{name}', training images")
    if raw.test is not None:
        _check(raw.test, raw.classes, f"data set '{name}', test images")
        if raw.test.shape != raw.train.shape:
            raise DataError(f"data set '{name}': test images are {raw.test.shape}, training images {raw.train.shape}")
    return raw


def _check(source: Source, classes: int, where: str) -> None:
    labels = source.labels
    if labels.dtype != torch.int64 or labels.ndim != 1 or len(labels) == 0:
        raise DataError(f"{where}: labels are {labels.dtype} {list(labels.shape)}, expected int64 [n], n > 0")
    if isinstance(source, Images):
        pixels = source.pixels
        if pixels.dtype != torch.uint8 or pixels.ndim != 4 or len(pixels) != len(labels):
            expected = f"uint8 [{len(labels)}, channels, height, width] for {len(labels)} labels"
            raise DataError(f"{where}: images are {pixels.dtype} {list(pixels.shape)}, expected {expected}")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise DataError(f"{where}: labels reach from {low} to {high}, expected 0 to {classes - 1}")
