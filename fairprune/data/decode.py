"""Encoded images (PNG, JPEG, whatever Pillow reads) to uint8 tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import numpy as np
import PIL
import torch
from PIL import Image
from torch import Tensor

from fairprune.data.streamed import workers
from fairprune.errors import DataError, brief

T = TypeVar("T")

# Part of the key of decoded copies: another Pillow may bring another JPEG decoder or another resampling
DECODER = f"pillow {PIL.__version__}"

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})


def decode_image(content: bytes | Path, where: str, channels: int, size: int = 0) -> Tensor:
    """One image, uint8 [channels, height, width]; 3 channels are RGB, 1 is grey.

    With a size, the shorter side is resized to it (bilinear, antialiased) and the middle square is cut out; an image
    that is of that size already stays as it is. Raises DataError naming `where` for what is no complete image.
    """
    try:
        with Image.open(_stream(content)) as opened:
            image = opened.convert("RGB" if channels == 3 else "L")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{where}: damaged or no image, expected one that Pillow can read ({brief(error)})") from error
    if size and image.size != (size, size):
        image = _square(image, size)
    pixels = torch.from_numpy(np.array(image))
    return pixels.view(image.height, image.width, channels).permute(2, 0, 1).contiguous()


def decode_many(decode: Callable[[T], Tensor], items: Sequence[T], where: Callable[[int], str]) -> Tensor:
    """Many images of one shape, decoded by a pool of threads: uint8 [n, channels, height, width].

    Raises DataError naming `where(i)` for the first image whose shape is not that of the first one.
    """
    with ThreadPoolExecutor(workers()) as pool:
        images = list(pool.map(decode, items))
    for i, image in enumerate(images):
        if image.shape != images[0].shape:
            raise shape_error(where(i), image, tuple(images[0].shape))
    return torch.stack(images)


def shape_error(where: str, image: Tensor, shape: Sequence[int]) -> DataError:
    """The error for an image that is not as large as the others."""
    _, height, width = image.shape
    return DataError(f"{where}: {height} x {width} pixels, expected {shape[1]} x {shape[2]} as the others have")


def _stream(content: bytes | Path) -> BytesIO | Path:
    return BytesIO(content) if isinstance(content, bytes) else content


def _square(image: Image.Image, size: int) -> Image.Image:
    scale = size / min(image.size)
    width, height = (max(size, round(side * scale)) for side in image.size)
    left, top = (width - size) // 2, (height - size) // 2
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    return resized.crop((left, top, left + size, top + size))
