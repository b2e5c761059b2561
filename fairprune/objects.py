"""Where a store's immutable objects live. All a store asks: put if absent, get, list. Today: a local folder."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from fairprune.errors import StoreError


class Objects(Protocol):
    """Named immutable objects."""

    def put(self, name: str, data: bytes, *, repair: bool = False) -> bool:
        """Write the object whole, or not at all. False if it was there; `repair` replaces a damaged one."""
        ...

    def get(self, name: str) -> bytes | None:
        """The object's bytes, or None."""
        ...

    def names(self, prefix: str) -> Iterator[str]:
        """Names that begin with a prefix that ends in "/", sorted."""
        ...

    def marks(self, prefix: str) -> dict[str, tuple[int, ...]]:
        """Names that begin with a prefix that ends in "/", sorted, each with a mark that changes with the object."""
        ...

    def drop(self, name: str) -> None:
        """Forget an object that nothing needs any more (leases). Its absence is no error."""
        ...


class LocalObjects:
    """Objects as files below a folder, each written to a temporary name and then linked into place."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming = root / "incoming"

    def prepare(self) -> None:
        """Create the folder and try to write there. Raises StoreError where that fails."""
        try:
            self._incoming.mkdir(parents=True, exist_ok=True)
            probe = self._incoming / uuid.uuid4().hex
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise StoreError(f"store {self.root} cannot be written: {error.strerror or error}") from None

    def put(self, name: str, data: bytes, *, repair: bool = False) -> bool:
        """See `Objects.put`. Raises StoreError where the disk is full or the folder cannot be written."""
        target = self.root / name
        if target.exists() and not repair:
            return False
        temporary = self._incoming / uuid.uuid4().hex
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            return _place(temporary, target, repair)
        except OSError as error:
            raise StoreError(f"cannot write {target}: {error.strerror or error}") from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def get(self, name: str) -> bytes | None:
        """See `Objects.get`."""
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"cannot read {self.root / name}: {error.strerror or error}") from error

    def names(self, prefix: str) -> Iterator[str]:
        """See `Objects.names`."""
        yield from sorted(name for name, _ in _files(str(self.root / prefix), prefix))

    def marks(self, prefix: str) -> dict[str, tuple[int, ...]]:
        """See `Objects.marks`: size, and when content and file itself changed last, in nanoseconds."""
        found = ((name, entry.stat()) for name, entry in _files(str(self.root / prefix), prefix))
        return {name: (s.st_size, s.st_mtime_ns, s.st_ctime_ns) for name, s in sorted(found)}

    def drop(self, name: str) -> None:
        """See `Objects.drop`."""
        (self.root / name).unlink(missing_ok=True)


def _files(folder: str, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Files below a folder, which the prefix stands for, by name. Raises StoreError for a folder that is closed."""
    try:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir():
                    yield from _files(entry.path, f"{prefix}{entry.name}/")
                elif entry.is_file():
                    yield f"{prefix}{entry.name}", entry
    except PermissionError as error:
        raise StoreError(f"cannot read {folder}: {error.strerror}") from error


def _place(temporary: Path, target: Path, repair: bool) -> bool:
    """Give the written file its name; a hard link fails if the name is taken, which makes this put-if-absent."""
    if repair:
        temporary.replace(target)
        return True
    try:
        os.link(temporary, target)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if target.exists():
            return False
        temporary.replace(target)
    return True
