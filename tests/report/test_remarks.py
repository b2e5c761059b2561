from __future__ import annotations

from dataclasses import dataclass

from fairprune.report import html
from fairprune.report.remarks import remarks
from fairprune.summary import summarise

METHODS = {"random-weight": ("weight", 3.0), "magnitude": ("weight", 0.5)}


@dataclass(frozen=True)
class Finding:
    rule: str
    severity: str
    ids: tuple[str, ...]
    text: str = "text"


def test_a_row_shows_how_many_findings_concern_it_and_the_worst(synthetic):
    made = synthetic(METHODS)
    summary = summarise(made.study, made.points, made.records)
    runs = [run.id for run in summary.panels[0].cells[4].runs]
    found = [
        Finding("small", "note", (runs[0],)),
        Finding("bad", "unfair", tuple(runs)),
        Finding("all", "caution", tuple(made.records)),
        Finding("none", "caution", ()),
    ]
    said = remarks(summary, found)
    assert [(remark.rule, remark.anchor) for remark in said.all] == [
        ("bad", "finding-0"),
        ("all", "finding-1"),
        ("none", "finding-2"),
        ("small", "finding-3"),
    ]
    assert [remark.links for remark in (said.all[0], said.all[3])] == [(("point-0-4", "magnitude 2x"),)] * 2
    assert (len(said.all[1].links), said.all[1].more) == (6, 3)  # of two methods at four targets, and the dense
    mark = said.mark("point-0-4")
    assert (mark.count, mark.severity, mark.link) == (2, "unfair", "finding-0")
    assert said.mark("point-0-0") is None
    assert [remark.rule for remark in said.everywhere] == ["all"]
    page = html.page(summary, made.records, found, "run")
    assert 'small · <a href="#point-0-4">magnitude 2x</a></p>' in page
    assert "all · every point</p>" in page
    assert '<a class="flag unfair" href="#finding-0">2 unfair</a>' in page
    assert 'About every point: <a href="#finding-1">caution, all</a>.' in page
    assert 'Findings: <a href="#finding-0">unfair, bad</a>; <a href="#finding-3">note, small</a>.' in page
