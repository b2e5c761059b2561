"""A split whose images are decoded when they are asked for, by a pool of threads that works ahead."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from fairprune.data.raw import Streamed

AHEAD = 2  # batches decoded before they are asked for


def workers() -> int:
    """Threads that decode images: one per processor, 8 at most (decoding releases Python's lock)."""
    return min(8, os.cpu_count() or 1)


@dataclass(frozen=True, eq=False)
class StreamedSplit:
    """A `Split` of the images at positions `index` (int64 [n]) of a streamed source."""

    name: str
    digest: str
    labels: Tensor
    source: Streamed
    index: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> StreamedSplit:  # noqa: ARG002 (nothing is resident)
        """This very split: its images come from files."""
        return self

    def fetch(self, indices: Tensor) -> Tensor:
        """uint8 images [len(indices), channels, height, width], on the CPU."""
        return next(self.stream([indices]))

    def stream(self, batches: Iterable[Tensor]) -> Iterator[Tensor]:
        """`fetch` of each batch of indices, in order, decoded ahead of time. Raises what the source's `read` raises."""
        pool = ThreadPoolExecutor(workers())
        waiting: deque[list[Future[Tensor]]] = deque()
        try:
            for batch in batches:
                waiting.append([pool.submit(self.source.read, i) for i in self.index[batch.cpu()].tolist()])
                if len(waiting) > AHEAD:
                    yield _stack(waiting.popleft())
            while waiting:
                yield _stack(waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def _stack(images: list[Future[Tensor]]) -> Tensor:
    return torch.stack([image.result() for image in images])
