"""Files for people: written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from fairprune.errors import StoreError


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text. Raises StoreError where the folder is absent or cannot be written."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write bytes under a temporary name beside the file, and then give them their name."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
