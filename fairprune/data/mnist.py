"""MNIST from its IDX files, gzipped or plain (LeCun et al. 1998)."""

from __future__ import annotations

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fairprune.data.cache import cached_images, file_digest
from fairprune.data.raw import Images, Raw
from fairprune.data.root import missing
from fairprune.errors import DataError, brief


def mnist(root: Path, *, folder: str = "mnist") -> Raw:
    """MNIST, 1 x 28 x 28, 10 classes: four IDX files under `folder` of the data root, or under MNIST/raw.

    `folder` may name another set in the same format. Raises MissingDataError, and DataError for a damaged file.
    """
    folders = [root / folder, *([root / "MNIST" / "raw"] if folder == "mnist" else [])]
    title = "MNIST" if folder == "mnist" else f"MNIST ({folder})"
    return Raw(title, _part(title, folders, "train"), _part(title, folders, "t10k"), 10)


def _part(title: str, folders: list[Path], part: str) -> Images:
    images, labels = (_find(title, folders, f"{part}-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1"))

    def decode() -> Images:
        pixels, classes = read_idx(images, 3), read_idx(labels, 1)
        if pixels.shape[1:] != (28, 28):
            raise DataError(f"{images}: images of {pixels.shape[1]} x {pixels.shape[2]} pixels, expected 28 x 28")
        if len(pixels) != len(classes):
            raise DataError(f"{labels}: {len(classes)} labels, expected {len(pixels)} as there are images in {images}")
        return Images(pixels[:, None], classes.long())

    return cached_images(["idx", file_digest(images), file_digest(labels)], decode)


def _find(title: str, folders: list[Path], name: str) -> Path:
    names = [f"{name}.gz", name]
    for folder in folders:
        for candidate in names:
            if (folder / candidate).is_file():
                return folder / candidate
    raise missing(title, names, folders)


def read_idx(path: Path, dimensions: int) -> Tensor:
    """The unsigned bytes of an IDX file, uint8, with that many dimensions.

    The format is two zero bytes, a type (8: unsigned byte), the number of dimensions, their sizes as big-endian 32-bit
    numbers, and the values. Raises DataError where the file is damaged, truncated, too long or of another kind.
    """
    content = _content(path)
    magic = bytes([0, 0, 8, dimensions])
    if content[:4] != magic:
        raise DataError(f"{path}: begins with {content[:4].hex() or 'nothing'}, expected {magic.hex()} of an IDX file")
    head = 4 + 4 * dimensions
    if len(content) < head:
        raise DataError(f"{path}: {len(content)} bytes, expected a header of {head}")
    sizes = [int(size) for size in np.frombuffer(content, ">u4", dimensions, 4)]
    if len(content) != head + prod(sizes):
        shape = " x ".join(map(str, sizes))
        raise DataError(f"{path}: {len(content) - head} bytes after the header, expected {prod(sizes)} = {shape}")
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=head).view(sizes)


def _content(path: Path) -> bytes:
    if path.suffix != ".gz":
        return path.read_bytes()
    try:
        return gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: damaged or truncated, expected a complete gzip file ({brief(error)})") from error
