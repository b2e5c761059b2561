"""A study's tables in LaTeX, for the packages booktabs and inputenc's own letters alone."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from fairprune.report import standing, words
from fairprune.report.headline import where
from fairprune.report.rows import Row, endpoint_title, rows
from fairprune.summary import Cell, Panel, Summary

_SPECIAL = {
    **dict.fromkeys(words.MARKS.values(), ""),
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "\N{MINUS SIGN}": "$-$",
    "\N{EN DASH}": "--",
    "\N{LEFT DOUBLE QUOTATION MARK}": "``",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "''",
}
_SPACE = r"\addlinespace"
_MOST = 52  # lines of a table, with the spaces between methods
_COLUMNS = ("method", "target", "compr.", "speedup", "n", "rank", "vs. control")


def table(summary: Summary) -> str:
    """A table for each task and recipe, about 6 in wide.

    Bold is what ranks first alone, separated from all of its ranking.
    """
    found = [_table(summary, panel) for panel in summary.panels]
    return "% needs \\usepackage{booktabs}\n\n" + "\n".join(found)


def escaped(text: str) -> str:
    """Text that LaTeX takes literally, on one line. What its fonts may lack becomes a question mark."""
    plain = "".join(_SPECIAL.get(character, character) for character in " ".join(text.split()))
    return re.sub(r"[^\x20-\x7e\xa1-\xff]", "?", plain).strip()


def _table(summary: Summary, panel: Panel) -> str:
    about = f"{' '.join((*standing.standing(panel).about, *words.notes(summary)))} Bold: ranks first alone."
    captions = (f"{where(panel)}{said}" for said in itertools.chain([f". {about}"], itertools.repeat(", continued.")))
    parts = _parts(_rows(summary, panel))
    return "\n".join(_part(summary, lines, caption) for lines, caption in zip(parts, captions, strict=False))


def _parts(lines: Iterable[str]) -> list[list[str]]:
    """As many methods to a table as fit on a page, which a table does not leave."""
    parts: list[list[str]] = [[]]
    for spaced, group in itertools.groupby(lines, lambda line: line == _SPACE):
        method = list(group)
        for some in [method] if len(method) <= _MOST else [[line] for line in method]:
            if not spaced and len(parts[-1]) + len(some) > _MOST:
                parts.append([])
            parts[-1] += some
    return [part[:-1] if part[-1] == _SPACE else part for part in parts if part]


def _part(summary: Summary, rows: Sequence[str], caption: str) -> str:
    titles = [*map(escaped, _COLUMNS)]
    titles.insert(4, escaped(endpoint_title(summary).partition(" [")[0]))
    lines = [
        r"\begin{table*}",  # as wide as the page where a paper has two columns
        r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
        r"\begin{tabular}{lrrrrrrr}",
        r"\toprule",
        _line(titles),
        r"\midrule",
    ]
    lines += [*rows, r"\bottomrule", r"\end{tabular}", f"\\caption{{{escaped(caption)}}}", r"\end{table*}"]
    return "\n".join(lines) + "\n"


def _rows(summary: Summary, panel: Panel) -> Iterator[str]:
    first = _first(panel)
    pruned, spaced = iter(panel.cells), False
    for row in rows(summary, panel):
        bold = row.kind == "method" and _key(next(pruned)) in first
        name = row.method if row.first else ""
        numbers = [
            row.target,
            row.compression,
            row.speedup,
            row.endpoint,
            row.runs.partition(" base")[0],
            row.rank.partition(" of ")[0],
            _against(row),
        ]
        cells = [escaped(cell) for cell in (name, *numbers)]
        if bold:
            cells[4] = f"\\textbf{{{cells[4]}}}"
        if row.kind == "method" and row.first and (row.lines > 1 or not spaced):
            spaced = True
            yield _SPACE
        yield _line(cells)


def _first(panel: Panel) -> set[tuple[str, str]]:
    """Methods and targets that rank first, and by themselves."""
    return {
        (rank.method, ranking.target)
        for ranking in panel.rankings
        for rank in ranking.ranks
        if rank.best == rank.worst == 1 and len(ranking.ranks) > 1
    }


def _key(cell: Cell) -> tuple[str, str]:
    return cell.method, cell.target


def _against(row: Row) -> str:
    return row.difference or row.state


def _line(cells: list[str]) -> str:
    text = " & ".join(cells) + r" \\"
    return "{}" + text if text.startswith(("[", "*")) else text  # which would belong to the \\ before it
