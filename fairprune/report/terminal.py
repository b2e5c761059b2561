"""The table of a study in a terminal, of any width."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fairprune.report import words
from fairprune.report.headline import headline, where
from fairprune.report.rows import Row, endpoint_title, rows
from fairprune.report.standing import standing
from fairprune.summary import Panel, Summary

_STYLES = {"better": "green", "worse": "red", "not estimable": "dim", "control": "dim italic"}
_WIDE, _MIDDLE, _NARROW = 140, 100, 64  # widths in characters from which all, most, and some of the columns fit

_Column = tuple[str, Callable[[Row], str]]


@dataclass(frozen=True)
class StudyTable:
    """A study's tables; the console's width decides which columns are shown."""

    summary: Summary

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """One table for each task and recipe, and what its words mean."""
        for panel in self.summary.panels:
            yield _table(self.summary, panel, options.max_width)
            yield from _standing(panel)
        yield from _notes(self.summary)


def table(summary: Summary) -> RenderableType:
    """The tables of a study as something that rich prints."""
    return StudyTable(summary)


def statements(summary: Summary) -> RenderableType:
    """The headline as something that rich prints."""
    lines = [
        line for said in headline(summary) for line in ([said.where] if said.where else []) + _indented(said.sentences)
    ]
    return Group(*(Text(line) for line in lines))


def _indented(sentences: tuple[str, ...]) -> list[str]:
    return [f"  {sentence}" for sentence in sentences]


def _table(summary: Summary, panel: Panel, width: int) -> Table:
    columns = _columns(summary, width)
    drawn = Table(title=Text(where(panel), "bold"), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for index, (title, _) in enumerate(columns):
        side: Literal["left", "right"] = "left" if index == 0 or title == "verdict" else "right"
        drawn.add_column(title, justify=side, no_wrap=index > 0 and width >= _MIDDLE, overflow="fold")
    found = rows(summary, panel)
    for row, following in zip(found, [*found[1:], None], strict=True):
        ends = following is None or (following.first and following.kind == "method")
        style = _STYLES.get(row.state, "")
        drawn.add_row(
            *(Text(cell(row), style if title in ("verdict", "against control") else "") for title, cell in columns),
            end_section=ends,
        )
    return drawn


def _columns(summary: Summary, width: int) -> list[_Column]:
    if width < _MIDDLE:
        apart: list[_Column] = [("n", lambda r: _stacked(r.runs)), ("rank", lambda r: _stacked(r.rank))]
        joined: list[_Column] = [("n, rank", lambda r: "\n".join(filter(None, map(_stacked, (r.runs, r.rank)))))]
        return [
            ("method", _point),
            (_short(summary), lambda r: _stacked(r.endpoint)),
            *(joined if width < _NARROW else apart),
            ("against control", lambda r: "\n".join(filter(None, [_stacked(r.difference), r.verdict]))),
        ]
    all_of_them = width >= _WIDE
    names: list[_Column] = [("method", lambda r: r.method if r.first else ""), ("target", lambda r: r.target)]
    sizes: list[_Column] = [("compression", lambda r: r.compression), ("speedup", lambda r: r.speedup)]
    results: list[_Column] = [
        (endpoint_title(summary) if all_of_them else _short(summary), lambda r: r.endpoint),
        ("n", lambda r: r.runs if all_of_them else _stacked(r.runs)),
        ("rank", lambda r: r.rank if all_of_them else _stacked(r.rank)),
        ("against control", lambda r: r.difference),
        ("verdict", lambda r: r.verdict),
    ]
    return names + (sizes if all_of_them else []) + results


def _short(summary: Summary) -> str:
    return f"{summary.endpoint} {summary.unit}".strip()


def _point(row: Row) -> str:
    """The method over its first target, then targets alone."""
    return "\n".join(filter(None, [row.method if row.first else "", row.target and f"  {row.target}"]))


def _stacked(text: str) -> str:
    """What stands in brackets, or says of how many, under what stands before."""
    return text.replace(" [", "\n[").replace(" (", "\n(").replace(" of ", "\nof ")


def _standing(panel: Panel) -> Iterator[RenderableType]:
    found = standing(panel)
    yield from (Text(line, "dim") for line in (*found.about, *(["Beside the ranking:"] if found.beside else [])))
    yield from (Padding(Text(line, "dim"), (0, 0, 0, 2)) for line in found.beside)
    if found.about:
        yield Text("")


def _notes(summary: Summary) -> Iterator[Text]:
    if summary.done < summary.expected:
        yield Text(f"{summary.done:,} of {summary.expected:,} runs ended: {words.unfinished(summary.counts)}.")
    yield Text(" ".join(words.notes(summary)), "dim")
