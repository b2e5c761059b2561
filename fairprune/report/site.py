"""Several studies as a small site: a page each, and an index that leads to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fairprune.report import headline, html, words
from fairprune.report.curves import together
from fairprune.report.figures.page import Drawn
from fairprune.report.figures.values import Figure
from fairprune.report.finding import Finding, ordered
from fairprune.report.rates import shown_first
from fairprune.report.shown import Shown
from fairprune.report.templates import template
from fairprune.summary import Summary

_INDEX = "index.html"


@dataclass(frozen=True)
class Entry:
    """A study in the index: what it found, how far it is, the worst of its findings, its curves, and its page."""

    summary: Summary
    link: str
    statements: tuple[headline.Statement, ...]
    worst: Finding | None
    findings: int
    chart: Drawn | None


def pages(shown: Sequence[Shown]) -> dict[str, str]:
    """All files of the site by name. Studies of one name get numbers."""
    names = _names([one.summary.name for one in shown])
    entries = [_entry(one, name, index) for index, (one, name) in enumerate(zip(shown, names, strict=True))]
    index = template("site.html").render(entries=entries, words=words, runs=sum(e.summary.done for e in entries))
    found = {_INDEX: index}
    for one, name in zip(shown, names, strict=True):
        found[name] = html.page(
            one.summary, one.records, one.findings, one.command, one.shelf, one.trained, home=_INDEX
        )
    return found


def _entry(one: Shown, link: str, index: int) -> Entry:
    figure = together(one.summary, shown_first(one.summary))
    found = ordered(one.findings)
    return Entry(
        summary=one.summary,
        link=link,
        statements=tuple(headline.headline(one.summary)),
        worst=found[0] if found else None,
        findings=len(found),
        chart=Drawn(_without_links(figure, f"chart-{index}")) if figure else None,
    )


def _without_links(figure: Figure, key: str) -> Figure:
    """The figure for the index, where its points are not."""
    panels = [
        replace(
            panel, series=tuple(replace(s, points=tuple(replace(p, link="") for p in s.points)) for s in panel.series)
        )
        for panel in figure.panels
    ]
    return replace(figure, key=key, panels=tuple(panels))


def _names(studies: Sequence[str]) -> list[str]:
    """A file for each study, none of them the index."""
    found: list[str] = []
    for study in studies:
        name, number = f"{study}.html", 2
        while name in (*found, _INDEX):
            name, number = f"{study}-{number}.html", number + 1
        found.append(name)
    return found
