"""The original python batches of CIFAR, in their folder or still in their archive, read without executing anything."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fairprune.data.raw import Images
from fairprune.data.root import missing
from fairprune.data.unpickle import read_pickle
from fairprune.errors import DataError, brief


@dataclass(frozen=True)
class Batches:
    """Names of the python version of a data set: its folder, its archive, its batches, the key of the labels."""

    folder: str
    archive: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    label_key: bytes


def find_batches(batches: Batches, folders: Iterable[Path]) -> Path | None:
    """The folder that holds the batches, or else the archive that does; None where there is neither."""
    places = list(folders)
    candidates = [place / inner for place in places for inner in (batches.folder, "")]
    for candidate in candidates:
        if (candidate / batches.train[0]).is_file():
            return candidate
    return next((place / batches.archive for place in places if (place / batches.archive).is_file()), None)


def batch_files(source: Path, names: Iterable[str]) -> list[Path]:
    """The files that must be read for these batches. Raises MissingDataError if one is not there."""
    if source.is_file():
        return [source]
    for name in names:
        if not (source / name).is_file():
            raise missing("CIFAR", [name], [source])
    return [source / name for name in names]


def read_batches(source: Path, batches: Batches, names: Iterable[str]) -> Images:
    """Images [n, 3, 32, 32] and labels of the named batches, in their order. Raises DataError naming the file."""
    parts = [
        _images(read_pickle(content, where), where, batches.label_key)
        for content, where in (_content(source, batches.folder, name) for name in names)
    ]
    return Images(torch.cat([part.pixels for part in parts]), torch.cat([part.labels for part in parts]))


def _content(source: Path, folder: str, name: str) -> tuple[bytes, str]:
    if source.is_dir():
        return (source / name).read_bytes(), str(source / name)
    where = f"{source}, {folder}/{name}"
    try:
        with tarfile.open(source) as archive:
            member = archive.extractfile(f"{folder}/{name}")
            if member is None:
                raise DataError(f"{where}: no regular file")
            return member.read(), where
    except (tarfile.TarError, EOFError, OSError, KeyError, zlib.error) as error:
        raise DataError(f"{where}: damaged or truncated, expected the complete archive ({brief(error)})") from error


def _images(batch: Any, where: str, label_key: bytes) -> Images:
    data, labels = (batch.get(b"data"), batch.get(label_key)) if isinstance(batch, dict) else (None, None)
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != 3072:
        raise DataError(f"{where}: no images, expected b'data', an array of bytes [n, 3072]")
    if not isinstance(labels, list) or len(labels) != len(data) or not all(type(label) is int for label in labels):
        raise DataError(f"{where}: no labels, expected {label_key!r}, a list of {len(data)} whole numbers")
    return Images(torch.from_numpy(data.copy()).view(-1, 3, 32, 32), torch.tensor(labels, dtype=torch.int64))
