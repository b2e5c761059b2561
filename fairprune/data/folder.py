"""Any folder of images by class: resident where it is small, streamed where it is large."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from fairprune.canonical import Json
from fairprune.data.cache import CHUNK, cached_images, cached_summary, file_digest
from fairprune.data.decode import DECODER, SUFFIXES, decode_image, decode_many, shape_error
from fairprune.data.raw import Images, Raw, Shape, Source, Streamed
from fairprune.data.root import missing
from fairprune.data.streamed import StreamedSplit
from fairprune.data.summary import Summary, summarise
from fairprune.errors import DataError, SpecError


@dataclass(frozen=True)
class _Listing:
    """The image files of one part, by class and name, and their labels."""

    base: Path
    files: tuple[Path, ...]
    labels: Tensor

    def names(self) -> list[str]:
        return [file.relative_to(self.base).as_posix() for file in self.files]


def folder(root: Path, *, path: str, test: str = "", size: int = 0, channels: int = 3, resident_mib: int = 512) -> Raw:
    """Images in one sub-folder for each class, below `path` (absolute, or relative to the data root).

    Where `path` has a sub-folder train/, the classes are in there, and test/ (or else val/) is the test set; `test`
    names another folder of the same classes. With `size`, the shorter side is resized to it and the middle square cut
    out; without, all images must have the same size. A part is held in memory up to `resident_mib` MiB of decoded
    images; a larger one is decoded while it is used, and its files are taken to be unchanged while their sizes and
    times of modification are. Raises MissingDataError, and DataError naming the file that is damaged.
    """
    for name, number, lowest in (("size", size, 0), ("resident_mib", resident_mib, 0)):
        if type(number) is not int or number < lowest:
            raise SpecError(f"data set 'folder': {name} = {number!r}, expected a whole number from {lowest}")
    if channels not in (1, 3):
        raise SpecError(f"data set 'folder': channels = {channels!r}, expected 1 (grey) or 3 (RGB)")
    base = root / Path(path).expanduser()
    if not base.is_dir():
        raise missing(f"images by class ({path})", [base.name], [base.parent])
    train = base / "train" if (base / "train").is_dir() else base
    classes = _classes(train)
    title = f"{base.name} {size}x{size}" if size else base.name
    open_part = partial(_source, size=size, channels=channels, limit=resident_mib << 20)
    tested = _test_folder(root, base, train, test)
    return Raw(
        title,
        open_part(_list(train, classes)),
        open_part(_list(tested, classes)) if tested else None,
        len(classes),
    )


def _test_folder(root: Path, base: Path, train: Path, test: str) -> Path | None:
    if test:
        chosen = root / Path(test).expanduser()
        if not chosen.is_dir():
            raise missing(f"test images by class ({test})", [chosen.name], [chosen.parent])
        return chosen
    beside = [base / name for name in ("test", "val")] if train != base else []
    return next((place for place in beside if place.is_dir()), None)


def _folders(base: Path) -> list[str]:
    return sorted(entry.name for entry in base.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _classes(base: Path) -> list[str]:
    found = _folders(base)
    if len(found) < 2:
        raise DataError(f"{base}: {len(found)} sub-folders, expected one for each class, two at least")
    return found


def _list(base: Path, classes: Sequence[str]) -> _Listing:
    if extra := set(_folders(base)) - set(classes):
        raise DataError(f"{base / min(extra)}: no class of that name in the training images ({', '.join(classes)})")
    files: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        own = sorted(path for path in (base / name).rglob("*") if path.suffix.lower() in SUFFIXES)
        if not own:
            raise DataError(f"{base / name}: no images, expected files such as .png or .jpg")
        files += own
        labels += [label] * len(own)
    return _Listing(base, tuple(files), torch.tensor(labels, dtype=torch.int64))


def _source(part: _Listing, *, size: int, channels: int, limit: int) -> Source:
    def read(path: Path) -> Tensor:
        return decode_image(path, str(path), channels, size)

    first = read(part.files[0])
    how: list[Json] = [DECODER, channels, size]
    if first.numel() * len(part.files) <= limit:
        key: Json = ["folder", how, part.names(), part.labels.tolist(), [file_digest(path) for path in part.files]]
        return cached_images(
            key, lambda: Images(decode_many(read, part.files, lambda i: str(part.files[i])), part.labels)
        )
    return _streamed(part, read, (channels, first.shape[1], first.shape[2]), how)


def _streamed(part: _Listing, read: Callable[[Path], Tensor], shape: Shape, how: Json) -> Streamed:
    def read_one(i: int) -> Tensor:
        image = read(part.files[i])
        if image.shape != shape:
            raise shape_error(str(part.files[i]), image, shape)
        return image

    def build() -> Summary:
        n = len(part.files)
        whole = StreamedSplit("", "", part.labels, Streamed(read_one, part.labels, shape), torch.arange(n))
        return summarise(whole.stream(torch.split(torch.arange(n), CHUNK)))

    stats = [path.stat() for path in part.files]
    files: Json = [[name, stat.st_size, stat.st_mtime_ns] for name, stat in zip(part.names(), stats, strict=True)]
    summary = cached_summary(["folder", how, str(part.base.resolve()), files], build)
    return Streamed(read_one, part.labels, shape, summary)
