"""Canonical JSON and digests: the one way in which values become identities."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias, Union

Json: TypeAlias = Union[None, bool, int, float, str, Sequence["Json"], Mapping[str, "Json"]]


def canonical(value: Json) -> str:
    """JSON with sorted keys, no spaces, and no NaN: equal values give equal text.

    >>> canonical({"b": 1, "a": [1.5, None]})
    '{"a":[1.5,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def joined(texts: Mapping[str, str]) -> str:
    """The canonical text of an object, from those of its values.

    >>> joined({"b": "1", "a": "[1.5,null]"})
    '{"a":[1.5,null],"b":1}'
    """
    return "{" + ",".join([f"{canonical(key)}:{texts[key]}" for key in sorted(texts)]) + "}"


def digest(value: Json) -> str:
    """SHA-256 of the canonical text, as 64 hexadecimal digits."""
    return digest_bytes(canonical(value).encode())


def digest_bytes(data: bytes) -> str:
    """SHA-256 of bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
