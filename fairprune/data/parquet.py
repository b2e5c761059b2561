"""Images and labels from Parquet shards as image hubs publish them: a column of encoded images, a column of labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from fairprune.data.decode import decode_image, decode_many
from fairprune.data.raw import Images
from fairprune.errors import DataError, brief

if TYPE_CHECKING:
    import polars as pl

IMAGE_COLUMNS = ("img", "image")
_NUMBERED = re.compile(r"-(\d+)-of-(\d+)\.parquet$")


def shards(folder: Path, part: str) -> list[Path]:
    """The shards of a part ("train", "test") in their order: `part-*.parquet`, or `part.parquet`; [] if there are none.

    Raises DataError if they are numbered `-i-of-n` and one of the n is not there.
    """
    single = folder / f"{part}.parquet"
    found = sorted(folder.glob(f"{part}-*.parquet")) or [single] * single.is_file()
    for match in filter(None, (_NUMBERED.search(path.name) for path in found)):
        first, count = len(match[1]), int(match[2])
        for i in range(count):
            sibling = folder / f"{part}-{i:0{first}d}-of-{match[2]}.parquet"
            if sibling not in found:
                raise DataError(f"{sibling}: not there, expected all {count} shards of which {found[0].name} is one")
    return found


def read_shards(paths: Sequence[Path], labels: Sequence[str], channels: int = 3) -> Images:
    """Images and labels of all shards, in their order.

    The image column is `img` or `image` (encoded bytes, or a struct with a field `bytes`); the label column is the
    first of `labels` that is there. Raises DataError naming the file, and the row, that is damaged or not as expected.
    """
    parts = [_read(path, labels, channels) for path in paths]
    return Images(torch.cat([part.pixels for part in parts]), torch.cat([part.labels for part in parts]))


def _read(path: Path, labels: Sequence[str], channels: int) -> Images:
    table = _table(path)
    image_column = _column(path, table.columns, IMAGE_COLUMNS, "image")
    label_column = _column(path, table.columns, labels, "label")
    encoded = _encoded(path, table[image_column])
    pixels = decode_many(
        lambda item: decode_image(item[1], _row(path, item[0]), channels),
        list(enumerate(encoded)),
        lambda i: _row(path, i),
    )
    return Images(pixels, _labels(path, table[label_column]))


def _row(path: Path, i: int) -> str:
    return f"{path}, row {i}"


def _table(path: Path) -> pl.DataFrame:
    import polars as pl  # slow to import, and not needed where a decoded copy is cached

    try:
        table = pl.read_parquet(path, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path}: damaged or truncated, expected a complete Parquet file ({brief(error)})") from error
    if table.is_empty():
        raise DataError(f"{path}: no rows, expected images and labels")
    return table


def _column(path: Path, there: Sequence[str], wanted: Sequence[str], what: str) -> str:
    found = [name for name in wanted if name in there]
    if not found:
        raise DataError(f"{path}: columns {', '.join(there)}, expected the {what} column {' or '.join(wanted)}")
    return found[0]


def _encoded(path: Path, column: Any) -> list[bytes]:
    import polars as pl

    if isinstance(column.dtype, pl.Struct) and "bytes" in [field.name for field in column.dtype.fields]:
        column = column.struct.field("bytes")
    if column.dtype != pl.Binary or column.null_count():
        raise DataError(f"{path}: column '{column.name}' is {column.dtype}, expected encoded images in every row")
    images: list[bytes] = column.to_list()
    return images


def _labels(path: Path, column: Any) -> Tensor:
    if not column.dtype.is_integer() or column.null_count():
        raise DataError(f"{path}: column '{column.name}' is {column.dtype}, expected whole numbers in every row")
    return torch.tensor(column.to_list(), dtype=torch.int64)
