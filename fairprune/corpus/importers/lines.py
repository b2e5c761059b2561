"""Where in a TOML file its keys stand, which the reader of TOML does not tell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

_HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_-]+)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=\s*(.*)$")
_LONG = ("'''", '"""')


@dataclass(frozen=True)
class Lines:
    """Lines of a TOML file: of the n-th table of a name (from 0; the name is "" before the first), and of its keys."""

    name: str
    found: Mapping[tuple[str, int, str], int]

    def place(self, table: str, number: int = 0, key: str = "") -> str:
        """`FILE, line 3`: that of the key, or else of its table's header."""
        line = self.found.get((table, number, key)) or self.found.get((table, number, "")) or 1
        return f"{self.name}, line {line}"


def lines(text: str, name: str) -> Lines:
    """The lines of a valid TOML file, with one header for each table, and bare keys."""
    found: dict[tuple[str, int, str], int] = {}
    seen: Counter[str] = Counter()
    table, long = "", ""
    for number, line in enumerate(text.splitlines(), 1):
        if long:
            long = "" if long in line else long
        elif header := _HEADER.match(line):
            table = header[2]
            seen[table] += 1
            found[table, seen[table] - 1, ""] = number
        elif key := _KEY.match(line):
            found[table, max(seen[table] - 1, 0), key[1]] = number
            long = next((mark for mark in _LONG if key[2].startswith(mark) and key[2].count(mark) == 1), "")
    return Lines(name, found)


def text_line(text: str, line: int) -> int | None:
    """The line that the value begins in, of a key in this line: None where it is no literal text between '''."""
    value = text.splitlines()[line - 1].partition("=")[2].strip()
    if not value.startswith("'''"):
        return None
    return line + (value == "'''")
