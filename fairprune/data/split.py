"""A split: images and labels behind one interface, resident on the device or streamed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Split(Protocol):
    """Images by index."""

    @property
    def name(self) -> str:
        """train, validation or test."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 over the decoded images and the labels, in order."""
        ...

    @property
    def labels(self) -> Tensor:
        """int64 [n], on the CPU."""
        ...

    def __len__(self) -> int: ...

    def to(self, device: torch.device) -> Split:
        """The same split with its images on the device, where they are resident."""
        ...

    def fetch(self, indices: Tensor) -> Tensor:
        """uint8 images [len(indices), channels, height, width], on the split's device."""
        ...


@dataclass(frozen=True)
class Data:
    """A data set, split. `mean` and `std` are per channel, of images scaled to 0..1, from the training split.

    `carved` says that the test split was drawn from the training images, whether asked for or for want of another.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: int
    shape: tuple[int, int, int]  # channels, height, width
    mean: tuple[float, ...]
    std: tuple[float, ...]
    carved: bool = False

    @property
    def splits(self) -> Mapping[str, Split]:
        """The splits by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def example(self) -> Tensor:
        """A zero input of one sample, for tracing and counting: [1, channels, height, width]."""
        return torch.zeros(1, *self.shape)
