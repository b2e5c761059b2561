"""Augmentation of whole batches of uint8 images, on their device, by numbers from a seeded generator.

Numbers are drawn on the CPU, so the same seed draws the same on every device; and apart from the images, so that those
of a whole epoch go to the device at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from fairprune.errors import SpecError, unknown


@dataclass(frozen=True)
class Augment:
    """What changes images [n, channels, height, width] by `numbers` whole numbers `below` some bound for each."""

    numbers: int
    below: int
    apply: Callable[[Tensor, Tensor], Tensor]  # images; int64 [numbers, n] on their device

    def draw(self, n: int, generator: Generator) -> Tensor:
        """The numbers for n images, int64 [numbers, n], on the CPU."""
        return torch.randint(self.below, (self.numbers, n), generator=generator)


def parse_augment(texts: Sequence[str]) -> tuple[Augment, ...]:
    """The augmentations that a recipe names, in order. Raises SpecError for an unknown name or a wrong value.

    pad-crop:N  N black pixels on every side, then a crop of the old size at a random place (He et al. 2016, N = 4).
    flip        left and right swapped for half of the images.
    """
    return tuple(_parse(text) for text in texts)


def _parse(text: str) -> Augment:
    name, colon, value = text.partition(":")
    if name == "flip":
        if colon:
            raise SpecError(f"augmentation '{text}': flip takes no value, expected 'flip'")
        return Augment(1, 2, flip)
    if name == "pad-crop":
        if not value.isdecimal() or int(value) < 1:
            raise SpecError(f"augmentation '{text}': expected a whole number of pixels above 0, as in 'pad-crop:4'")
        pad = int(value)
        return Augment(2, 2 * pad + 1, partial(pad_crop, pad=pad))
    raise SpecError(unknown("augmentation", name, ["flip", "pad-crop:N"]))


def flip(images: Tensor, numbers: Tensor) -> Tensor:
    """Each image mirrored left to right where its number, of [1, n], is 1 rather than 0."""
    n = len(images)
    # One copy of rows out of both versions is several times faster than a masked choice between them
    both = torch.cat([images, images.flip(3)])
    return both.index_select(0, torch.arange(n, device=images.device) + n * numbers[0])


def pad_crop(images: Tensor, numbers: Tensor, *, pad: int) -> Tensor:
    """Each image padded with zeros on every side, then cropped to its old size from row and column `numbers` [2, n]."""
    n, channels, height, width = images.shape
    device = images.device
    top, left = numbers.view(2, n, 1, 1)
    padded = F.pad(images, (pad, pad, pad, pad))
    high, wide = padded.shape[2:]
    # Every row of every crop is a run of `width` numbers in the padded batch: copy runs, not single pixels
    plane = torch.arange(n * channels, device=device).view(n, channels, 1) * (high * wide)
    start = plane + (top + torch.arange(height, device=device)) * wide + left
    runs = padded.flatten().unfold(0, width, 1)
    return runs.index_select(0, start.flatten()).view(n, channels, height, width)
