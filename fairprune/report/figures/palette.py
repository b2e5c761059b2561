"""Colours, shapes and letters of all figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


def _series(*colours: str) -> dict[str, str]:
    return {str(index): colour for index, colour in enumerate(colours)}


# Eight colours that stay apart for people who lack one kind of cones, and from the ink; one for the background.
LIGHT: Mapping[str, str] = MappingProxyType(
    {
        "paper": "#ffffff",
        "ink": "#1b1d20",
        "soft": "#5c6168",
        "rule": "#d9dce0",
        **_series("#2f3977", "#dc6a12", "#277d46", "#c06ca5", "#74520c", "#2d90d9", "#4e5aca", "#5a5a62", "#9aa0a6"),
    }
)
DARK: Mapping[str, str] = MappingProxyType(
    {
        "paper": "#16181b",
        "ink": "#e6e7e9",
        "soft": "#a2a7ae",
        "rule": "#34383d",
        **_series("#389ef2", "#eb7c17", "#6feaa7", "#d59ac2", "#ebae57", "#9ed0fd", "#a483c3", "#96a593", "#6f757c"),
    }
)
COLOURS = 8
SHAPES = (
    "M-4.6 0a4.6 4.6 0 1 0 9.2 0a4.6 4.6 0 1 0 -9.2 0Z",  # circle
    "M-4.2 -4.2H4.2V4.2H-4.2Z",  # square
    "M0 -5.4L5 4H-5Z",  # triangle
    "M0 -5.8L5.8 0L0 5.8L-5.8 0Z",  # diamond
    "M0 5.4L5 -4H-5Z",  # triangle, point down
    "M-1.7 -5H1.7V-1.7H5V1.7H1.7V5H-1.7V1.7H-5V-1.7H-1.7Z",  # plus
    "M0 -5.6L5.3 -1.7L3.3 4.5H-3.3L-5.3 -1.7Z",  # pentagon
)
SHAPED_FOR = 12.0  # the size of letters beside which shapes have the size above
FONTS = "Helvetica, Arial, 'Liberation Sans', sans-serif"  # of equal widths, which layout counts on
_NARROW, _SLIM, _BROAD, _WIDE = "ijl'|.,:;!", "ftr()[]{}-/ ", "mwABCDEGHKNOPQRSUVXYZ&", "MW@%→—"


@dataclass(frozen=True)
class Look:
    """How large, in which colours (by the names above), and whether marks can be pointed at."""

    width: float
    font: float
    colours: Mapping[str, str]
    live: bool


def paper(inches: float) -> Look:
    """For print, in points: 3.25 in for one column of a paper, 6.75 in for both."""
    return Look(inches * 72, 7.5, LIGHT, live=False)


def variables(colours: Mapping[str, str]) -> str:
    """Colours as CSS variables: `--paper: ...; --c0: ...`."""
    return " ".join(f"{_variable(name)}: {value};" for name, value in colours.items())


def _variable(name: str) -> str:
    return f"--c{name}" if name.isdigit() else f"--{name}"


_PAGE = MappingProxyType({name: f"var({_variable(name)})" for name in LIGHT})
WIDE = Look(960, 12, _PAGE, live=True)
NARROW = Look(400, 12.5, _PAGE, live=True)


def breadth(text: str, font: float) -> float:
    """About how wide a text is; never much less."""
    ems = (
        0.28 if c in _NARROW else 0.36 if c in _SLIM else 0.72 if c in _BROAD else 0.95 if c in _WIDE else 0.57
        for c in text
    )
    return font * sum(ems)


def cut(text: str, font: float, room: float) -> str:
    """The text, or as much of it as there is room for, and an ellipsis."""
    if breadth(text, font) <= room:
        return text
    while text and breadth(text + "…", font) > room:
        text = text[:-1]
    return text.rstrip() + "…"
