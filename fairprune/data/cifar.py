"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009): Parquet shards of any number, or the original python batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fairprune.data.cache import cached_images, file_digest
from fairprune.data.cifar_batches import Batches, batch_files, find_batches, read_batches
from fairprune.data.decode import DECODER
from fairprune.data.parquet import read_shards, shards
from fairprune.data.raw import Images, Raw
from fairprune.data.root import missing
from fairprune.errors import DataError, SpecError, unknown


@dataclass(frozen=True)
class _Layout:
    """How one of the two data sets is stored."""

    title: str
    classes: int
    columns: tuple[str, ...]  # of labels, in Parquet
    batches: Batches


def cifar10(root: Path, *, folder: str = "cifar10") -> Raw:
    """CIFAR-10, 3 x 32 x 32, 10 classes, from `folder` of the data root.

    A variant of it (as JPEG, say) lies in a folder of its own and is another data set, by its name and its digests.
    Raises MissingDataError, and DataError for a damaged file.
    """
    files = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5")
    batches = Batches("cifar-10-batches-py", "cifar-10-python.tar.gz", files, ("test_batch",), b"labels")
    return _cifar(root, folder, _Layout(_title("CIFAR-10", folder, "cifar10"), 10, ("label", "labels"), batches))


def cifar100(root: Path, *, folder: str = "cifar100", labels: str = "fine") -> Raw:
    """CIFAR-100, 3 x 32 x 32: 100 fine classes, or 20 coarse ones. Otherwise as `cifar10`."""
    if labels not in ("fine", "coarse"):
        raise SpecError(unknown("kind of CIFAR-100 labels", str(labels), ["fine", "coarse"]))
    title = _title("CIFAR-100", folder, "cifar100") + (", coarse" if labels == "coarse" else "")
    columns = ("fine_label", "label") if labels == "fine" else ("coarse_label",)
    key = f"{labels}_labels".encode()
    batches = Batches("cifar-100-python", "cifar-100-python.tar.gz", ("train",), ("test",), key)
    return _cifar(root, folder, _Layout(title, 100 if labels == "fine" else 20, columns, batches))


def _title(title: str, folder: str, usual: str) -> str:
    return title if folder == usual else f"{title} ({folder})"


def _cifar(root: Path, name: str, layout: _Layout) -> Raw:
    folder = root / name
    for place in (folder, folder / "data", folder / "plain_text"):
        if train := shards(place, "train"):
            test = shards(place, "test")
            if not test:
                raise missing(layout.title, ["test-*.parquet"], [place])
            return Raw(layout.title, _parquet(train, layout), _parquet(test, layout), layout.classes)
    batches = layout.batches
    usual = name in ("cifar10", "cifar100")  # a variant is never taken from where the usual one may lie
    source = find_batches(batches, [folder, root] if usual else [folder])
    if source is None:
        raise missing(layout.title, ["train-*.parquet", batches.folder, batches.archive], [folder])
    return Raw(
        layout.title,
        _pickled(source, batches, batches.train),
        _pickled(source, batches, batches.test),
        layout.classes,
    )


def _parquet(paths: Sequence[Path], layout: _Layout) -> Images:
    key = ["parquet", DECODER, list(layout.columns), [file_digest(path) for path in paths]]
    return cached_images(key, lambda: _thirty_two(read_shards(paths, layout.columns), paths[0]))


def _pickled(source: Path, batches: Batches, names: Sequence[str]) -> Images:
    key = ["batches", batches.label_key.decode(), list(names), [file_digest(f) for f in batch_files(source, names)]]
    return cached_images(key, lambda: read_batches(source, batches, names))


def _thirty_two(images: Images, path: Path) -> Images:
    if images.shape != (3, 32, 32):
        raise DataError(f"{path}: images are {images.shape[1]} x {images.shape[2]} pixels, expected 32 x 32")
    return images
