"""A split whose images are held in memory, on whatever device they are wanted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class ResidentSplit:
    """A `Split` with images uint8 [n, channels, height, width] in the memory of one device."""

    name: str
    digest: str
    labels: Tensor
    images: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> ResidentSplit:
        """The same split with its images on the device; this very one if they are there."""
        images = self.images.to(device)
        return self if images is self.images else replace(self, images=images)

    def fetch(self, indices: Tensor) -> Tensor:
        """uint8 images [len(indices), channels, height, width], on the split's device."""
        return self.images.index_select(0, indices.to(self.images.device))
