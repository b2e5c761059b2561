from __future__ import annotations

import re
from dataclasses import dataclass

from fairprune.report import site
from fairprune.report.shown import Shown
from fairprune.summary import summarise

METHODS = {"random-weight": ("weight", 3.0), "magnitude": ("weight", 0.5)}


@dataclass(frozen=True)
class Finding:
    rule: str
    severity: str
    ids: tuple[str, ...] = ()
    text: str = "<i>text</i>"


def shown(made, records=None, findings=(), **changes):
    records = made.records if records is None else records
    summary = summarise(made.study, made.points, records).model_copy(update=changes)
    return Shown(summary, records, findings, "fairprune run it")


def test_an_index_leads_to_every_study(synthetic):
    made = synthetic(METHODS)
    hostile = "\"'><script>alert(1)</script>"
    found = [Finding("mild", "note"), Finding("few-seeds", "unfair")]
    studies = [shown(made, findings=found, question=hostile), shown(made, records={}), shown(made, name="index")]
    pages = site.pages(studies)
    assert list(pages) == ["index.html", "example.html", "example-2.html", "index-2.html"]
    index = pages["index.html"]
    assert re.findall(r'<h2[^>]*><a href="([^"]*)">', index) == list(pages)[1:]
    assert '2 findings, the worst: <span class="severity unfair">unfair</span>, few-seeds.' in index
    assert "No run has ended yet (27 missing of 27)." in index
    assert index.count('<svg class="wide"') == 2
    assert "#point" not in index
    assert "<script>alert" not in index
    assert 'href="index.html">all studies' in pages["index-2.html"]
    ids = re.findall(r' id="([^"]*)"', index)
    assert len(ids) == len(set(ids))
