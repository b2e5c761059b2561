"""Augmentation of whole batches of uint8 images, on their device, from a seeded generator.

An augmentation is a function of images [n, channels, height, width] and a CPU generator; so the same seed draws the
same on every device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from fairprune.errors import SpecError, unknown

Augment = Callable[[Tensor, Generator], Tensor]


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
        return flip
    if name == "pad-crop":
        if not value.isdecimal() or int(value) < 1:
            raise SpecError(f"augmentation '{text}': expected a whole number of pixels above 0, as in 'pad-crop:4'")
        return partial(pad_crop, pad=int(value))
    raise SpecError(unknown("augmentation", name, ["flip", "pad-crop:N"]))


def flip(images: Tensor, generator: Generator) -> Tensor:
    """Each image mirrored left to right with probability 1/2."""
    n = len(images)
    mirrored = torch.randint(2, (n,), generator=generator).to(images.device)
    # One copy of rows out of both versions is several times faster than a masked choice between them
    both = torch.cat([images, images.flip(3)])
    return both.index_select(0, torch.arange(n, device=images.device) + n * mirrored)


def pad_crop(images: Tensor, generator: Generator, *, pad: int) -> Tensor:
    """Each image padded with zeros on every side, then cropped to its old size at a uniformly drawn place."""
    n, channels, height, width = images.shape
    device = images.device
    top, left = torch.randint(2 * pad + 1, (2, n, 1, 1), generator=generator).to(device)
    padded = F.pad(images, (pad, pad, pad, pad))
    high, wide = padded.shape[2:]
    # Every row of every crop is a run of `width` numbers in the padded batch: copy runs, not single pixels
    plane = torch.arange(n * channels, device=device).view(n, channels, 1) * (high * wide)
    start = plane + (top + torch.arange(height, device=device)) * wide + left
    runs = padded.flatten().unfold(0, width, 1)
    return runs.index_select(0, start.flatten()).view(n, channels, height, width)
