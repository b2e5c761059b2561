"""A study's page: one HTML file without any outside resource, with everything escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from fairprune.record import Record
from fairprune.report import headline, points, published, words
from fairprune.report.curves import curves
from fairprune.report.figures.page import Drawn
from fairprune.report.finding import Finding
from fairprune.report.points import Detail
from fairprune.report.published import Shelf
from fairprune.report.rates import rates, shown_first
from fairprune.report.remarks import Remarks, remarks
from fairprune.report.rows import Row, endpoint_title, rows
from fairprune.report.shown import Trained
from fairprune.report.speedups import speedups
from fairprune.report.standing import Standing, standing
from fairprune.report.stretched import Charts, stretched
from fairprune.report.templates import template
from fairprune.summary import Panel, Summary


@dataclass(frozen=True)
class Section:
    """A panel with everything that the page shows of it."""

    title: str
    references: tuple[Row, ...]  # dense networks
    rows: tuple[Row, ...]
    standing: Standing
    charts: Mapping[str, Drawn]  # by the key of the rate
    stretched: Mapping[str, Drawn]  # those that a logarithmic scale of errors shows better
    detectable: str
    details: tuple[Detail, ...]


@dataclass(frozen=True)
class Others:
    """What others published on a task: sentences about it, and its results by paper."""

    task: str
    about: tuple[str, ...]
    papers: tuple[tuple[published.Line, ...], ...]


def page(
    summary: Summary,
    records: Mapping[str, Record],
    findings: Sequence[Finding],
    command: str,
    shelf: Shelf | None = None,
    trained: Trained | None = None,
    home: str = "",
) -> str:
    """The page of a study, complete or not. `command` is what reproduces it; `records` and `trained` are by run id.

    Published results on a `shelf` are laid under the curves, and listed. `home` is the page of several studies, if any.
    """
    said = remarks(summary, findings)
    charts = [curves(summary, panel, shelf) for panel in summary.panels]
    percent = summary.unit == "%" and summary.direction == "higher"
    more = stretched(charts) if percent else [{} for _ in charts]
    sections = [
        _section(summary, panel, (even, by_errors), records, trained or {}, said)
        for panel, even, by_errors in zip(summary.panels, charts, more, strict=True)
    ]
    return template("page.html").render(
        summary=summary,
        sections=sections,
        others=_others(shelf) if shelf else (),
        statements=headline.headline(summary),
        remarks=said,
        exploratory=[c for c in summary.exploratory if c.n],
        measured=any(cell.measured for panel in summary.panels for cell in panel.cells),
        rates=rates(summary),
        first=shown_first(summary),
        speedups=[Drawn(figure) for figure in speedups(summary)],
        folded=points.folded(summary),
        unlisted=points.unlisted(summary),
        points=points,
        command=command,
        home=home,
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


def _section(
    summary: Summary,
    panel: Panel,
    charts: tuple[Charts, Charts],
    records: Mapping[str, Record],
    trained: Trained,
    remarks: Remarks,
) -> Section:
    lines = rows(summary, panel)
    listed = () if points.unlisted(summary) else points.details(summary, panel, records, trained, remarks)
    return Section(
        title=headline.where(panel),
        references=tuple(row for row in lines if row.kind != "method"),
        rows=tuple(row for row in lines if row.kind == "method"),
        standing=standing(panel),
        charts={key: Drawn(figure) for key, figure in charts[0].items()},
        stretched={key: Drawn(figure) for key, figure in charts[1].items()},
        detectable=headline.detectable(summary, panel),
        details=tuple(listed),
    )
