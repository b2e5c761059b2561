"""Elements of SVG: well formed and escaped because a tree is built, not text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # by XML 1.0

Value = str | float | None


def element(tag: str, text: str = "", /, **attributes: Value) -> Element:
    """An element. None is left out; `stroke_width` is stroke-width, `class_` is class; numbers get two decimals."""
    made = Element(tag, _attributes(attributes))
    made.text = clean(text) or None
    return made


def add(parent: Element, tag: str, text: str = "", /, **attributes: Value) -> Element:
    """The same, at the end of another."""
    made = SubElement(parent, tag, _attributes(attributes))
    made.text = clean(text) or None
    return made


def number(value: float) -> str:
    """With two decimals at most."""
    return f"{value:z.2f}".rstrip("0").rstrip(".")


def path(points: Iterable[tuple[float, float]], closed: bool = False) -> str:
    """The data of a path through points."""
    drawn = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return f"M{drawn}{'Z' if closed else ''}" if drawn else ""


def text_of(root: Element) -> str:
    """As it stands in a file or a page."""
    return ElementTree.tostring(root, encoding="unicode")


def clean(text: str) -> str:
    """Without what XML cannot hold."""
    return _FORBIDDEN.sub("", text)


def _attributes(given: dict[str, Value]) -> dict[str, str]:
    return {
        name.rstrip("_").replace("_", "-"): clean(value) if isinstance(value, str) else number(value)
        for name, value in given.items()
        if value is not None
    }
