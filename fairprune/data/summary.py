"""One digest and the channel sums of every image: all that the digest and the statistics of any split need.

They are computed in one pass over a data set, whatever splits are made of it later, resident or streamed alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod, sqrt

import torch
from torch import Tensor

from fairprune.canonical import canonical


@dataclass(frozen=True, eq=False)
class Summary:
    """Of n images: `digests`, the SHA-256 of each one's pixels, uint8 [n, 32]; `moments`, the sum and the sum of
    squares of each one's channels, int64 [n, channels, 2].
    """

    digests: Tensor
    moments: Tensor


def summarise(chunks: Iterable[Tensor]) -> Summary:
    """The summary of images that come in chunks, each uint8 [k, channels, height, width]."""
    digests, moments = bytearray(), []
    for chunk in chunks:
        for image in chunk.contiguous().numpy():
            digests += hashlib.sha256(image).digest()
        wide = chunk.flatten(2).int()
        moments.append(torch.stack([wide.sum(2), (wide * wide).sum(2)], 2))
    return Summary(torch.frombuffer(digests, dtype=torch.uint8).view(-1, 32), torch.cat(moments))


def split_digest(summary: Summary, labels: Tensor, shape: tuple[int, int, int], index: Tensor) -> str:
    """The SHA-256 over the shape, the digests of the images chosen by `index`, and their labels, in that order.

    It depends on decoded pixels and labels only: not on the format, the file names or the shards that held them.
    """
    head = canonical({"images": [len(index), *shape], "labels": "int64"}).encode()
    chosen = summary.digests[index].numpy().tobytes()
    return hashlib.sha256(head + chosen + labels[index].numpy().astype("<i8").tobytes()).hexdigest()


def channel_statistics(
    summary: Summary, shape: tuple[int, int, int], index: Tensor
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation (over all pixels) per channel of the chosen images, scaled to 0..1.

    Exact up to the last division, since the sums are integers. A channel that is constant has deviation 1.
    """
    count = len(index) * prod(shape[1:])
    sums = summary.moments[index].sum(0).tolist()
    means = tuple(total / count / 255 for total, _ in sums)
    # n * sum of squares - square of the sum, in Python's integers: no cancellation
    spreads = tuple(sqrt(count * squares - total * total) / count / 255 for total, squares in sums)
    return means, tuple(spread or 1.0 for spread in spreads)
