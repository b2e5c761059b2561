"""The table of a study as Markdown."""

from __future__ import annotations

import re

from fairprune.report import words
from fairprune.report.headline import where
from fairprune.report.rows import Row, endpoint_title, rows
from fairprune.summary import Panel, Summary


def table(summary: Summary) -> str:
    """One table for each task and recipe, under a heading of its own, and what their words mean."""
    tables = (f"### {_plain(where(panel))}\n\n{_table(summary, panel)}" for panel in summary.panels)
    return "\n".join([*tables, _plain(" ".join(words.notes(summary))) + "\n"])


def _table(summary: Summary, panel: Panel) -> str:
    titles = ["method", "target", "compression", "speedup", endpoint_title(summary), "n", "against control", "verdict"]
    lines = [titles, ["---", *["---:"] * 6, "---"]]
    lines += [_cells(row) for row in rows(summary, panel)]
    head, rule, *body = lines
    return "\n".join(f"| {' | '.join(line)} |" for line in [[_plain(t) for t in head], rule, *body]) + "\n"


def _cells(row: Row) -> list[str]:
    cells = [row.method, row.target, row.compression, row.speedup, row.endpoint, row.runs, row.difference, row.verdict]
    return [_plain(cell) for cell in cells]


def _plain(text: str) -> str:
    """Text that Markdown and HTML take literally, on one line."""
    escaped = re.sub(r"([\\`*_{}\[\]<>#|~!])", r"\\\1", " ".join(text.split()))
    return escaped.replace("&", "&amp;").replace("\\<", "&lt;").replace("\\>", "&gt;")
