"""Batches made on the device: shuffled, augmented, normalised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from fairprune import seeds
from fairprune.data.augment import Augment, parse_augment
from fairprune.data.split import Split
from fairprune.data.streamed import StreamedSplit
from fairprune.errors import SpecError

__all__ = ["Batch", "Loader", "parse_augment"]

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True, eq=False)
class Loader:
    """Batches of a split: images float32 [n, channels, height, width], normalised, and labels int64 [n], on the device.

    `mean` and `std` are per channel, of images scaled to 0..1. A split that is resident moves to the device at once.
    Raises SpecError for a batch size below 1 or an unknown augmentation.
    """

    split: Split
    batch_size: int
    device: torch.device
    mean: tuple[float, ...]
    std: tuple[float, ...]
    augment: tuple[str, ...] = ()
    channels_last: bool = False

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise SpecError(f"batch size {self.batch_size}: expected at least 1")
        parse_augment(self.augment)
        object.__setattr__(self, "split", self.split.to(self.device))

    @property
    def steps(self) -> int:
        """Training batches in an epoch."""
        whole, rest = divmod(len(self.split), self.batch_size)
        return whole + (rest > 1)

    @property
    def samples(self) -> int:
        """Samples in an epoch of training."""
        return min(len(self.split), self.steps * self.batch_size)

    def epoch(self, seed: int) -> Iterator[Batch]:
        """One pass in an order drawn from the seed, augmented from the seed: `steps` batches.

        The last batch may be smaller; if one single sample is left over, it sits this epoch out, because batch norm
        cannot train on it.
        """
        order = torch.randperm(len(self.split), generator=seeds.generator("order", seed))
        generator = seeds.generator("augment", seed)
        return self._batches(order[: self.steps * self.batch_size], parse_augment(self.augment), generator)

    def ordered(self) -> Iterator[Batch]:
        """Every sample once, in the split's order, not augmented; the last batch may be smaller."""
        return self.at(torch.arange(len(self.split)))

    def at(self, indices: Tensor) -> Iterator[Batch]:
        """These samples, in this order, not augmented."""
        return self._batches(indices, (), Generator())

    def _batches(self, order: Tensor, augment: tuple[Augment, ...], generator: Generator) -> Iterator[Batch]:
        """All that the batches need from the host is on the device before the first, so that none waits for it."""
        if not len(order):
            return
        labels = torch.split(self.split.labels[order].to(self.device), self.batch_size)
        numbers = self._drawn([len(batch) for batch in labels], augment, generator)
        scale, shift = self._affine()
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        for images, targets, *drawn in zip(self._fetched(order), labels, *numbers, strict=True):
            images = images.to(self.device)
            for change, number in zip(augment, drawn, strict=True):
                images = change.apply(images, number)
            yield images.float().mul_(scale).add_(shift).contiguous(memory_format=layout), targets

    def _drawn(self, sizes: list[int], augment: tuple[Augment, ...], generator: Generator) -> list[tuple[Tensor, ...]]:
        """For each augmentation its numbers [k, n] of every batch, drawn batch after batch."""
        drawn = [[change.draw(size, generator) for change in augment] for size in sizes]
        whole = [torch.cat(numbers, 1) for numbers in zip(*drawn, strict=True)]
        return [torch.split(numbers.to(self.device), self.batch_size, 1) for numbers in whole]

    def _fetched(self, order: Tensor) -> Iterator[Tensor]:
        if isinstance(self.split, StreamedSplit):
            return self.split.stream(torch.split(order, self.batch_size))
        return map(self.split.fetch, torch.split(order.to(self.device), self.batch_size))

    def _affine(self) -> tuple[Tensor, Tensor]:
        """(x / 255 - mean) / std as one multiplication and one addition, [channels, 1, 1] each."""
        mean, std = (torch.tensor(values, dtype=torch.float64).view(-1, 1, 1) for values in (self.mean, self.std))
        scale, shift = 1 / (255 * std), -mean / std
        return scale.to(self.device, torch.float32), shift.to(self.device, torch.float32)
