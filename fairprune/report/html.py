"""A study's page: one HTML file without any outside resource, with everything escaped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from fairprune.audit.setups import Rate
from fairprune.record import Record
from fairprune.report import headline, published, words
from fairprune.report.curves import curves
from fairprune.report.figures.page import Drawn
from fairprune.report.finding import Finding, ordered
from fairprune.report.published import Shelf
from fairprune.report.rows import Row, anchor, endpoint_title, rows
from fairprune.report.standing import Standing, standing
from fairprune.report.templates import template
from fairprune.summary import Cell, Comparison, Panel, Summary

_LINKED = 6  # runs that a finding links to before it counts the rest


@dataclass(frozen=True)
class Section:
    """A panel with everything that the page shows of it."""

    title: str
    rows: tuple[Row, ...]
    standing: Standing
    charts: Mapping[Rate, Drawn]
    detectable: str
    details: tuple[Detail, ...]


@dataclass(frozen=True)
class Detail:
    """A point: its cell, its comparison with the control, and the spec of one of its runs but for the seeds."""

    anchor: str
    cell: Cell
    comparison: Comparison | None
    spec: str  # JSON; empty where no run has a record


@dataclass(frozen=True)
class Others:
    """What others published on a task: sentences about it, and its results by paper."""

    task: str
    about: tuple[str, ...]
    papers: tuple[tuple[published.Line, ...], ...]


@dataclass(frozen=True)
class Remark:
    """A finding with links to the points that it concerns."""

    rule: str
    severity: str
    text: str
    links: tuple[tuple[str, str], ...]  # anchor, run id
    more: int


def page(
    summary: Summary,
    records: Mapping[str, Record],
    findings: Sequence[Finding],
    command: str,
    shelf: Shelf | None = None,
) -> str:
    """The page of a study, complete or not. `command` is what reproduces it; `records` are by run id.

    Published results on a `shelf` are laid under the curves, and listed.
    """
    sections = [_section(summary, panel, records, shelf) for panel in summary.panels]
    return template("page.html").render(
        summary=summary,
        sections=sections,
        others=_others(shelf) if shelf else (),
        statements=headline.headline(summary),
        remarks=_remarks(summary, findings),
        exploratory=[c for c in summary.exploratory if c.n],
        measured=any(detail.cell.measured for section in sections for detail in section.details),
        command=command,
        words=words,
        decimals=words.digits(summary),
        endpoint=endpoint_title(summary),
    )


def _others(shelf: Shelf) -> list[Others]:
    return [
        Others(
            task,
            tuple(published.about(found, shelf.metric)),
            tuple(tuple(lines) for _, lines in groupby(published.lines(found, shelf.papers), lambda line: line.paper)),
        )
        for task, found in shelf.tasks.items()
    ]


def _section(summary: Summary, panel: Panel, records: Mapping[str, Record], shelf: Shelf | None) -> Section:
    compared = {(c.method, c.target): c for c in panel.comparisons}
    cells = [(None, panel.dense)] if panel.dense else []
    return Section(
        title=headline.where(panel),
        rows=tuple(rows(summary, panel)),
        standing=standing(panel),
        charts={rate: Drawn(figure) for rate, figure in curves(summary, panel, shelf).items()},
        detectable=headline.detectable(summary, panel),
        details=tuple(
            Detail(anchor(summary, panel, index), cell, compared.get((cell.method, cell.target)), _spec(cell, records))
            for index, cell in [*cells, *enumerate(panel.cells)]
        ),
    )


def _spec(cell: Cell, records: Mapping[str, Record]) -> str:
    """The resolved spec that the cell's runs share, as JSON; what differs is their seeds."""
    found = next((records[run.id] for run in cell.runs if run.id in records), None)
    if found is None:
        return ""
    shared = found.spec.model_dump(mode="json", exclude={"base_seed", "run_seed"}, exclude_none=True)
    return json.dumps(shared, indent=2, ensure_ascii=False)


def _remarks(summary: Summary, findings: Sequence[Finding]) -> list[Remark]:
    """Findings, worst first, otherwise in the order given."""
    anchors = {
        run.id: anchor(summary, panel, index)
        for panel in summary.panels
        for index, cell in [*enumerate(panel.cells), *([(None, panel.dense)] if panel.dense else [])]
        for run in cell.runs
    }
    found = []
    for finding in ordered(findings):
        links = [(anchors[i], i) for i in finding.ids if i in anchors]
        more = max(len(links) - _LINKED, 0)
        found.append(Remark(finding.rule, finding.severity, finding.text, tuple(links[:_LINKED]), more))
    return found
