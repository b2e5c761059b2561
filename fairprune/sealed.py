"""JSON with a seal, the digest of its canonical text: what has been changed, by hand or by a disk, is found."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json

from fairprune.canonical import canonical, digest, digest_bytes
from fairprune.errors import StoreError


class DamagedError(StoreError):
    """An object whose content does not match its digest."""


def seal(table: dict[str, Any]) -> bytes:
    """The table and its seal, as one line of canonical JSON."""
    return (canonical({"seal": digest(table), "value": table}) + "\n").encode()


def unseal(data: bytes, what: str) -> dict[str, Any]:
    """The table. Raises DamagedError where the seal is broken; `what` names the object."""
    head, _, text = data.partition(b'","value":')
    untouched = text[-2:] == b"}\n" and head == b'{"seal":"' + digest_bytes(text[:-2]).encode()
    try:
        envelope = from_json(data)
        table, sealed = envelope["value"], envelope["seal"]
    except (ValueError, KeyError, TypeError):
        raise DamagedError(f"{what} is damaged: not a sealed JSON file") from None
    if not isinstance(table, dict) or not (untouched or digest(table) == sealed):
        raise DamagedError(f"{what} is damaged: its content does not match its seal")
    return table
