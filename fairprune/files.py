"""Files for people: written whole or not at all."""

from __future__ import annotations

import contextlib
import uuid
from pathlib import Path

from fairprune.errors import StoreError


def check_place(path: Path) -> None:
    """Raises StoreError where no file could be written: to be asked before the work for it is done."""
    if path.is_dir():
        raise StoreError(f"cannot write {path}: it is a folder")
    if not path.parent.is_dir():
        raise StoreError(f"cannot write {path}: there is no folder {path.parent}")


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text. Raises StoreError where the folder is absent or cannot be written."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write bytes under a temporary name beside the file, and then give them their name."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
