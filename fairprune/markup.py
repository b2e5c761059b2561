"""Tables as HTML, for notebooks: everything escaped, nothing that runs, nothing from outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape as _escape


@dataclass(frozen=True)
class Html:
    """What is HTML already."""

    text: str


Cell = str | Html


def table(titles: Sequence[str], rows: Iterable[Sequence[Cell]], caption: str = "", left: Sequence[int] = (0,)) -> str:
    """A table; columns are aligned to the right, except those whose positions are in `left`."""
    head = "".join(_cell("th", title, index in left) for index, title in enumerate(titles))
    lines = "".join(
        f"<tr>{''.join(_cell('td', cell, index in left) for index, cell in enumerate(row))}</tr>\n" for row in rows
    )
    said = f'<caption style="text-align:left">{_escape(caption)}</caption>' if caption else ""
    return f"<table>{said}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}</tbody></table>"


def bar(part: float, whole: float) -> Html:
    """How much of a whole it is, drawn; the numbers are said beside it."""
    return Html(f'<progress value="{part:g}" max="{max(whole, 1):g}" aria-hidden="true"></progress>')


def heading(text: str) -> str:
    """A title."""
    return f"<h3>{_escape(text)}</h3>"


def paragraph(text: str) -> str:
    """Text."""
    return f"<p>{_escape(text)}</p>"


def _cell(tag: str, cell: Cell, left: bool) -> str:
    inside = cell.text if isinstance(cell, Html) else _escape(cell)
    return f'<{tag} style="text-align:{"left" if left else "right"};padding:0 .5em">{inside}</{tag}>'
