"""From a data set's spec to its splits."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fairprune import registry
from fairprune.data.cache import CHUNK
from fairprune.data.carve import carve
from fairprune.data.download import FILES, fetch
from fairprune.data.raw import Images, Raw, Source, check_raw
from fairprune.data.resident import ResidentSplit
from fairprune.data.root import data_root
from fairprune.data.split import Data, Split
from fairprune.data.streamed import StreamedSplit
from fairprune.data.summary import Summary, channel_statistics, split_digest, summarise
from fairprune.errors import DataError, FairpruneError, MissingDataError, SpecError, brief, unknown
from fairprune.spec import DataSpec

OWN_TEST = 0.2  # fraction of the images that is the test split of a data set without an official one
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True, eq=False)
class _Whole:
    """A source and its summary, of which splits are parts."""

    source: Source
    summary: Summary

    def split(self, name: str, index: Tensor) -> Split:
        labels = self.source.labels[index]
        digest = split_digest(self.summary, self.source.labels, self.source.shape, index)
        if isinstance(self.source, Images):
            return ResidentSplit(name, digest, labels, self.source.pixels.index_select(0, index))
        return StreamedSplit(name, digest, labels, self.source, index)


def load_data(spec: DataSpec, root: Path | None = None, folder: Path | None = None, *, download: bool = False) -> Data:
    """The data set of a spec, split into training, validation and test, which are disjoint.

    `root` is the data root (default: `data_root()`); `folder` is where a user's own `module:function` lies.

    With `carve_test` = n, n training images are the test split, and the official test set stays unread. Without an
    official test set and with `carve_test` = 0, a fifth of the images (rounded) is the test split. The data's name
    says either. Validation is the fraction `validation` (rounded, at least 1) of the training images that remain. All
    are drawn by class from `split_seed`; every split keeps the data set's order. Official files that are missing are
    fetched only with `download`. Raises DataError (MissingDataError), SpecError.
    """
    raw = check_raw(_raw(spec, data_root(root), folder, download), spec.name)
    whole = _whole(raw.train)
    test, remaining = _test(spec, raw, whole)
    validation, rest = _carved(spec, "validation", whole, remaining, max(1, round(spec.validation * len(remaining))))
    mean, std = _normalisation(spec, whole, rest)
    carved = raw.test is None or spec.carve_test > 0
    return Data(
        name=f"{raw.name} (test split of {len(test):,} carved from {len(raw.train.labels):,})" if carved else raw.name,
        train=whole.split("train", rest),
        validation=whole.split("validation", validation),
        test=test,
        classes=raw.classes,
        shape=raw.train.shape,
        mean=mean,
        std=std,
        carved=carved,
    )


def _whole(source: Source) -> _Whole:
    if source.summary is not None:
        return _Whole(source, source.summary)
    every = torch.split(torch.arange(len(source.labels)), CHUNK)
    if isinstance(source, Images):
        return _Whole(source, summarise(source.pixels[index] for index in every))
    streamed = StreamedSplit("", "", source.labels, source, torch.arange(len(source.labels)))
    return _Whole(source, summarise(streamed.stream(every)))


def _test(spec: DataSpec, raw: Raw, whole: _Whole) -> tuple[Split, Tensor]:
    """The test split, and the positions of the training images that are not in it."""
    everything = torch.arange(len(raw.train.labels))
    if raw.test is not None and not spec.carve_test:
        return _whole(raw.test).split("test", torch.arange(len(raw.test.labels))), everything
    carved, remaining = _carved(spec, "test", whole, everything, spec.carve_test or round(OWN_TEST * len(everything)))
    return whole.split("test", carved), remaining


def _carved(spec: DataSpec, split: str, whole: _Whole, among: Tensor, total: int) -> tuple[Tensor, Tensor]:
    """`total` of the positions `among`, by class, and the rest. Raises DataError if less than 2 images are left."""
    if len(among) - total < 2:
        left = f"{total} of {len(among)} images leave {max(0, len(among) - total)} to train on, expected 2 at least"
        raise DataError(f"data set '{spec.name}', {split} split: {left}")
    taken, rest = carve(whole.source.labels[among], total, split, spec.split_seed)
    return among[taken], among[rest]


def _normalisation(spec: DataSpec, whole: _Whole, train: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    channels = whole.source.shape[0]
    if spec.normalise == "train":
        return channel_statistics(whole.summary, whole.source.shape, train)
    if spec.normalise == "none":
        return (0.0,) * channels, (1.0,) * channels
    if channels != 3:
        raise DataError(f"data set '{spec.name}': {channels} channels, expected 3 for normalise = 'imagenet'")
    return IMAGENET


def _raw(spec: DataSpec, root: Path, folder: Path | None, download: bool) -> object:
    make: Callable[..., object] = registry.load("dataset", spec.name, folder)
    _check_options(spec, make, root)
    try:
        return _made(spec, make, root)
    except MissingDataError:
        if not download or spec.name not in FILES:
            raise
    fetch(FILES[spec.name], root)
    return _made(spec, make, root)


def _made(spec: DataSpec, make: Callable[..., object], root: Path) -> object:
    try:
        return make(root, **spec.options)
    except (FairpruneError, MemoryError):
        raise
    except Exception as error:
        raise DataError(f"data set '{spec.name}' cannot be loaded: {type(error).__name__}: {brief(error)}") from error


def _check_options(spec: DataSpec, make: Callable[..., Any], root: Path) -> None:
    """Raises SpecError for options that the data set does not have, or lacks."""
    signature = inspect.signature(make)
    known = list(signature.parameters)[1:]
    for option in spec.options:
        if option not in known and not any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values()):
            raise SpecError(unknown(f"option of data set '{spec.name}'", option, known))
    try:
        signature.bind(root, **spec.options)
    except TypeError as error:
        raise SpecError(f"data set '{spec.name}': {error} in its options") from None
