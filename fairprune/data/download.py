"""Fetching the official files of a data set, checked by their digests. Nothing fetched is ever executed or unpacked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from fairprune.errors import DataError, brief


@dataclass(frozen=True)
class Remote:
    """A file to fetch: its address, its digest (`sha256:...`), and its place below the data root."""

    url: str
    digest: str
    place: str


def _mnist(name: str, digest: str) -> Remote:
    return Remote(f"https://ossci-datasets.s3.amazonaws.com/mnist/{name}", f"sha256:{digest}", f"mnist/{name}")


def _cifar(name: str, digest: str, folder: str) -> Remote:
    return Remote(f"https://www.cs.toronto.edu/~kriz/{name}", f"sha256:{digest}", f"{folder}/{name}")


# The MD5 sums published with the same files: MNIST f68b3c2d..., d53e105e..., 9fb629c4..., ec29112d...;
# CIFAR-10 c58f30108f718f92721af3b95e74349a; CIFAR-100 eb9058c3a382ffc7106e4002c42a8d85.
FILES: MappingProxyType[str, tuple[Remote, ...]] = MappingProxyType(
    {
        "mnist": (
            _mnist("train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
            _mnist("train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            _mnist("t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
            _mnist("t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ),
        "cifar10": (
            _cifar(
                "cifar-10-python.tar.gz", "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce", "cifar10"
            ),
        ),
        "cifar100": (
            _cifar(
                "cifar-100-python.tar.gz",
                "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
                "cifar100",
            ),
        ),
    }
)


def fetch(remotes: Sequence[Remote], root: Path) -> None:
    """Fetch the files that are not there yet; one that is there is left as it is.

    Raises DataError where a file cannot be fetched, is not what was published, or has nowhere to go.
    """
    import pooch  # slow to import, rarely needed

    pooch.get_logger().setLevel("ERROR")  # it would write to the terminal
    for remote in remotes:
        target = root / remote.place
        if target.exists():
            continue
        try:
            pooch.retrieve(remote.url, remote.digest, fname=target.name, path=target.parent)
        except (OSError, ValueError) as error:
            raise DataError(
                f"{remote.url} cannot be fetched to {target}: {brief(error)}; put the file there"
            ) from error
