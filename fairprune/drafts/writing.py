"""Values in TOML syntax, and comments."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from textwrap import wrap
from typing import Any


def commented(text: str) -> list[str]:
    """Text as lines of a comment."""
    return [f"# {line}" for line in wrap(text, 118)]


def key_of(name: str) -> str:
    """A key, in quotes where it needs them."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else quoted(name)


def quoted(text: str) -> str:
    """A string. What TOML forbids in one (the control character DEL) stays, and is refused when it is read."""
    return json.dumps(text, ensure_ascii=False)


def inline(value: Any) -> str:
    """A string, number, truth value, list or table, on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key_of(key)} = {inline(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(inline, value))}]"
    return quoted(value) if isinstance(value, str) else json.dumps(value)
