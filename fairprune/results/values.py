"""A study's results as one value: tables, figures, findings, and how notebooks show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import polars as pl

from fairprune import markup
from fairprune.audit import Finding
from fairprune.errors import FigureError, unknown
from fairprune.files import write_bytes
from fairprune.record import Record
from fairprune.report import headline, words
from fairprune.report.figures.files import Format, drawn
from fairprune.report.figures.palette import paper
from fairprune.report.figures.svg import standalone
from fairprune.report.rows import endpoint_title, rows
from fairprune.report.standing import standing
from fairprune.results.figured import figure_of
from fairprune.results.frames import points
from fairprune.summary import Panel, Summary
from fairprune.views import frame

if TYPE_CHECKING:
    from fairprune.report.figures.values import Figure

WIDTH = 6.75  # inches, of both columns of a paper


@dataclass(frozen=True)
class Drawing:
    """A figure. Notebooks show it; `save` writes it as SVG, PDF or PNG, so many inches wide."""

    figure: Figure
    inches: float = WIDTH

    @property
    def svg(self) -> str:
        """The figure as SVG, with everything in it."""
        return standalone(self.figure, paper(self.inches))

    def save(self, path: Path | str) -> None:
        """Write it, in the form that the name ends in. Raises FigureError for another."""
        form = Path(path).suffix[1:]
        if form not in get_args(Format):
            raise FigureError(unknown("form of figure", form, get_args(Format)))
        write_bytes(Path(path), drawn(self.figure, form, self.inches))  # type: ignore[arg-type]

    def _repr_svg_(self) -> str:
        return self.svg


@dataclass(frozen=True, repr=False)
class Results:
    """A study's results, as far as they are there.

    summary   everything that tables and pages show: cells, comparisons, rankings, what all of it cost
    records   run id -> what the run left, with its spec, ledger, metrics and environment
    findings  what the audit says of them, worst first
    """

    summary: Summary
    records: Mapping[str, Record]
    findings: tuple[Finding, ...]

    @property
    def table(self) -> pl.DataFrame:
        """One row for every point: means, intervals, ranks, differences to the control and verdicts."""
        return points(self.summary)

    @property
    def runs(self) -> pl.DataFrame:
        """One row a run, with its whole spec."""
        return frame(self.records.values())

    def figure(self, axis: str | None = None, inches: float = WIDTH) -> Drawing:
        """Accuracy against an axis: compression, speedup, measured, or measured-bN for batch size N.

        "speedups" lays measured speedups against theoretical ones. The default is what the study declared. Raises
        SpecError for another axis, FigureError where there is nothing to draw.
        """
        return Drawing(figure_of(self.summary, axis), inches)

    def __repr__(self) -> str:
        return f"<Results of {self.summary.name}: {self.summary.done} of {self.summary.expected} runs done>"

    def __str__(self) -> str:
        said = (": ".join(filter(None, (s.where, " ".join(s.sentences)))) for s in headline.headline(self.summary))
        return "\n".join([self.summary.name, *said])

    def _repr_html_(self) -> str:
        """Headline, tables, the figure and the findings."""
        said = [markup.paragraph(line) for line in str(self).splitlines()[1:]]
        parts = [markup.heading(self.summary.name), *said]
        parts += [part for panel in self.summary.panels for part in _panel(self.summary, panel)]
        parts += [markup.paragraph(" ".join(words.notes(self.summary)))] if self.summary.done else []
        try:
            parts.append(self.figure().svg)
        except FigureError as error:
            parts.append(markup.paragraph(f"No figure: {error}."))
        found = [(f.severity, f.rule, f.text) for f in self.findings]
        parts.append(markup.table(("severity", "rule", "finding"), found, "Findings", left=(0, 1, 2)) if found else "")
        return f"<div>{''.join(parts)}</div>"


def _panel(summary: Summary, panel: Panel) -> list[str]:
    titles = ["method", "target", "compression", "speedup", endpoint_title(summary), "runs", "rank", "against control"]
    lines = [
        [
            *(row.method if row.first else "", row.target, row.compression, row.speedup, row.endpoint, row.runs),
            *(row.rank, row.difference, row.verdict),
        ]
        for row in rows(summary, panel)
    ]
    shown = markup.table([*titles, "verdict"], lines, headline.where(panel), left=(0, 8))
    return [shown, *map(markup.paragraph, standing(panel).about)]
