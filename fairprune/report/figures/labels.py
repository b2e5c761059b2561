"""Names beside marks: where they hide neither marks nor each other, and nowhere if there is no such place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fairprune.report.figures.palette import breadth

_MARK = 0.4  # half of a mark's size, in letters
_AWAY = 0.65  # from a mark's middle to its name

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True)
class Area:
    """A rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Area) -> bool:
        """Whether they share more than an edge."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: Area) -> bool:
        """Whether the other lies inside."""
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom


@dataclass(frozen=True)
class Label:
    """A name and the place of its foot."""

    text: str
    x: float
    y: float
    anchor: Anchor

    def area(self, em: float) -> Area:
        """What it covers, in letters of this size."""
        wide = breadth(self.text, em)
        left = self.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor] * wide
        return Area(left, self.y - 0.8 * em, left + wide, self.y + 0.2 * em)


def mark(x: float, y: float, em: float) -> Area:
    """What a mark covers."""
    half = _MARK * em
    return Area(x - half, y - half, x + half, y + half)


def around(text: str, x: float, y: float, em: float) -> tuple[Label, ...]:
    """Where a mark's name may stand, best first: right of it, left, above, below, and obliquely to the right."""
    away = _AWAY * em
    return (
        Label(text, x + away, y + 0.35 * em, "start"),
        Label(text, x - away, y + 0.35 * em, "end"),
        Label(text, x, y - 0.75 * em, "middle"),
        Label(text, x, y + 1.45 * em, "middle"),
        Label(text, x + 0.5 * away, y - 0.7 * em, "start"),
        Label(text, x + 0.5 * away, y + 1.35 * em, "start"),
    )


def placed(choices: Sequence[Sequence[Label]], marks: Sequence[Area], room: Area, em: float) -> list[Label | None]:
    """For each name the first of its places that is inside and free of marks and of the names before it, or None."""
    taken = list(marks)
    found: list[Label | None] = []
    for places in choices:
        free = (
            label
            for label in places
            if room.holds(area := label.area(em)) and not any(area.meets(other) for other in taken)
        )
        found.append(next(free, None))
        if found[-1]:
            taken.append(found[-1].area(em))
    return found
