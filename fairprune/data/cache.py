"""Decoded images kept as safetensors under the cache folder: decoding happens once per data set.

A copy is keyed by the content that it was decoded from, written atomically, and checked by its own digest when it is
read; a damaged, truncated or unreadable one is decoded anew. A cache that cannot be written is done without.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from fairprune.canonical import Json, digest
from fairprune.data.raw import Images
from fairprune.data.root import cache_root
from fairprune.data.summary import Summary, summarise

VERSION = 1  # of how images are decoded here; a higher one leaves older copies unread
CHUNK = 1024


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cached_images(key: Json, decode: Callable[[], Images]) -> Images:
    """The images that `decode` yields, with their summary; from the cache where they are under that key."""

    def build() -> dict[str, Tensor]:
        images = decode()
        summary = summarise(torch.split(images.pixels, CHUNK))
        return {"pixels": images.pixels, "labels": images.labels, **_tensors(summary)}

    found = cached({"images": key}, build)
    return Images(found["pixels"], found["labels"], Summary(found["digests"], found["moments"]))


def cached_summary(key: Json, build: Callable[[], Summary]) -> Summary:
    """The summary that `build` yields; from the cache where it is under that key."""
    found = cached({"summary": key}, lambda: _tensors(build()))
    return Summary(found["digests"], found["moments"])


def cached(key: Json, build: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors that `build` yields, from the cache where a sound copy is there under that key."""
    path = cache_root() / "decoded" / f"{digest({'version': VERSION, 'key': key})}.safetensors"
    found = _read(path)
    if found is None:
        found = {name: tensor.contiguous() for name, tensor in build().items()}
        with suppress(OSError, SafetensorError):
            _write(path, found)
    return found


def _tensors(summary: Summary) -> dict[str, Tensor]:
    return {"digests": summary.digests, "moments": summary.moments}


def _content(tensors: dict[str, Tensor]) -> str:
    sha = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        sha.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        sha.update(tensor.numpy().data)
    return sha.hexdigest()


def _read(path: Path) -> dict[str, Tensor] | None:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            return tensors if (file.metadata() or {}).get("sha256") == _content(tensors) else None
    except (OSError, SafetensorError):
        return None


def _write(path: Path, tensors: dict[str, Tensor]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    os.close(handle)
    try:
        save_file(tensors, temporary, metadata={"sha256": _content(tensors)})
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
