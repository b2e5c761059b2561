"""Where data sets are found, and where decoded copies of them are kept."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from fairprune.errors import MissingDataError

DATA_VARIABLE = "FAIRPRUNE_DATA"
CACHE_VARIABLE = "FAIRPRUNE_CACHE"


def data_root(option: Path | None = None) -> Path:
    """The folder that holds data sets: the option, else FAIRPRUNE_DATA, else the user's data folder.

    Nothing is created, and the folder need not exist (a data set that comes with a library needs none).
    """
    return _chosen(option or os.environ.get(DATA_VARIABLE) or platformdirs.user_data_path("fairprune") / "data")


def cache_root() -> Path:
    """The folder for decoded copies, safe to delete: FAIRPRUNE_CACHE, else the user's cache folder."""
    return _chosen(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_path("fairprune"))


def missing(title: str, names: Sequence[str], folders: Sequence[Path]) -> MissingDataError:
    """The error for a file of a data set that is in none of the folders: what, where, and what to do."""
    places = " or ".join(map(str, folders))
    return MissingDataError(
        f"{title}: no {' or '.join(names)} in {places}: put it there, or point {DATA_VARIABLE} "
        f"(or the data root option) at the folder that holds the data sets, or allow downloads"
    )


def _chosen(path: str | Path) -> Path:
    return Path(path).expanduser().absolute()
