"""Findings beside the results that they concern."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fairprune.report import words
from fairprune.report.finding import Finding, ordered
from fairprune.report.headline import where
from fairprune.report.rows import anchor
from fairprune.summary import Cell, Panel, Summary

_LINKED = 6  # points that a finding links to before it counts the rest


@dataclass(frozen=True)
class Remark:
    """A finding with links to the points that it concerns; `everywhere`: to all points that have results."""

    anchor: str
    rule: str
    severity: str
    text: str
    links: tuple[tuple[str, str], ...]  # anchor and name of the point
    more: int
    everywhere: bool


@dataclass(frozen=True)
class Mark:
    """What stands beside a point: how many findings concern it, how severe the worst is, and where that one is."""

    count: int
    severity: str
    link: str


@dataclass(frozen=True)
class Remarks:
    """All findings, worst first, and those that concern some points and not others, by the points' anchors."""

    all: tuple[Remark, ...] = ()
    by_point: Mapping[str, tuple[Remark, ...]] = field(default_factory=dict)

    @property
    def everywhere(self) -> tuple[Remark, ...]:
        """Those that need no mark, since every point would have it."""
        return tuple(remark for remark in self.all if remark.everywhere)

    def at(self, point: str) -> tuple[Remark, ...]:
        """What concerns a point in particular, worst first."""
        return self.by_point.get(point, ())

    def mark(self, point: str) -> Mark | None:
        """What stands in a point's row."""
        found = self.at(point)
        return Mark(len(found), found[0].severity, found[0].anchor) if found else None


def remarks(summary: Summary, findings: Sequence[Finding]) -> Remarks:
    """Findings with the points that they concern, worst first, otherwise in the order given."""
    points, ended = _points(summary), _ended(summary)
    pruned = {point for run, (point, _) in points.items() if run in ended}
    made: list[Remark] = []
    by_point: defaultdict[str, list[Remark]] = defaultdict(list)
    for index, finding in enumerate(ordered(findings)):
        links = tuple(dict.fromkeys(points[run] for run in finding.ids if run in points))
        concerned = [point for point, _ in links]
        everywhere = len(pruned) > 1 and pruned <= set(concerned)
        more = max(len(links) - _LINKED, 0)
        shown = links[:_LINKED]
        made.append(Remark(f"finding-{index}", finding.rule, finding.severity, finding.text, shown, more, everywhere))
        for point in () if everywhere else concerned:
            by_point[point].append(made[-1])
    return Remarks(tuple(made), {point: tuple(found) for point, found in by_point.items()})


def _points(summary: Summary) -> dict[str, tuple[str, str]]:
    """Anchor and name of every run's point."""
    several = len(summary.panels) > 1

    def point(panel: Panel, index: int | None, cell: Cell) -> tuple[str, str]:
        name = " ".join(filter(None, (cell.method, words.target(cell))))
        return anchor(summary, panel, index), f"{name}, {where(panel)}" if several else name

    return {
        run.id: found
        for panel in summary.panels
        for index, cell in [*enumerate(panel.cells), *([(None, panel.dense)] if panel.dense else [])]
        for found in [point(panel, index, cell)]
        for run in cell.runs
    }


def _ended(summary: Summary) -> set[str]:
    return {run.id for panel in summary.panels for cell in panel.cells for run in cell.runs if run.state == "done"}
