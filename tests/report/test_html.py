from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from html.parser import HTMLParser

import pytest

from fairprune.record import Metric
from fairprune.report import html
from fairprune.summary import summarise

METHODS = {
    "random-weight": ("weight", 3.0),
    "magnitude": ("weight", 0.5),
    "random-channel": ("channel", 4.0),
    "l1_norm": ("channel", 1.0),
}
RECIPES = {"finetune": {"schedule": "constant:0.01 total:5"}, "scratch-e": {"kind": "scratch-e"}}
VOID = {"meta", "input", "br", "hr", "img", "link"}


@dataclass(frozen=True)
class Finding:
    rule: str
    severity: str
    ids: tuple[str, ...]
    text: str


class Reader(HTMLParser):
    """Collects elements, and refuses tags that do not match."""

    def __init__(self):
        super().__init__()
        self.open, self.elements, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def page_of(made, records=None, findings=(), command="fairprune run study.toml"):
    records = made.records if records is None else records
    return html.page(summarise(made.study, made.points, records), records, findings, command)


def read(page):
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def test_the_page_is_one_file_without_outside_resources(synthetic):
    reader = read(page_of(synthetic(METHODS, retraining=RECIPES)))
    assert not {"link", "img", "iframe", "object", "embed", "base"} & {tag for tag, _ in reader.elements}
    links = [value for _, attrs in reader.elements for key, value in attrs.items() if key in ("href", "src", "action")]
    assert links
    assert all(link.startswith("#") for link in links)
    page = page_of(synthetic(METHODS))
    assert not re.search(r"https?:|@import|url\(", page)


def test_every_link_leads_somewhere_and_ids_are_unique(synthetic):
    made = synthetic(METHODS, retraining=RECIPES)
    finding = Finding("rule", "caution", tuple(p.id for p in made.points[:9]), "text")
    reader = read(page_of(made, findings=[finding]))
    ids = [attrs["id"] for _, attrs in reader.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["href"][1:] for _, attrs in reader.elements if "href" in attrs} <= set(ids)
    named = {name for _, attrs in reader.elements for name in (attrs.get("aria-labelledby") or "").split()}
    assert named <= set(ids)


def test_figures_are_well_formed_described_and_lead_to_their_runs(synthetic):
    page = page_of(synthetic(METHODS, retraining=RECIPES))
    drawn = re.findall(r'<svg class="(?:wide|narrow)".*?</svg>', page, re.DOTALL)
    assert len(drawn) == 16  # two recipes over two axes on two scales, for screens and for phones
    for text in drawn:
        root = ElementTree.fromstring(text)
        assert root.find("g/title").text
        assert "magnitude: " in root.find("g/desc").text
        titles = [link.find("title").text for link in root.iter("a")]
        assert len(titles) == 16
        assert all("n = 3/3; seeds (base/run) 0/0, 1/1, 2/2" in title for title in titles)


def test_hostile_names_are_harmless(synthetic):
    hostile = "\"'><script>alert(1)</script>&"
    made = synthetic({**METHODS, f"magnitude-{hostile}": ("weight", 1.0)}, question=hostile)
    broken = made.points[-1].id
    records = dict(made.records)
    records[broken] = records[broken].model_copy(update={"status": "failed", "reason": hostile})
    finding = Finding(hostile, hostile, (broken,), hostile)
    page = page_of(made, records, [finding], hostile)
    reader = read(page)
    assert sum(tag == "script" for tag, _ in reader.elements) == 3
    assert "<script>alert" not in page
    assert not any(key.startswith("on") for _, attrs in reader.elements for key in attrs)
    assert "".join(reader.text).count(hostile) > 5


def test_an_empty_study_has_a_page_that_says_so(synthetic):
    text = "".join(read(page_of(synthetic(METHODS), records={})).text)
    assert "No run has ended yet (51 missing of 51)." in text
    assert "No curves yet" in text
    assert "Nothing has been computed yet." in text
    assert "No record yet." in text
    assert "Brackets behind" not in text


def test_a_half_finished_study_says_what_is_missing(synthetic):
    made = synthetic(METHODS)
    records = {p.id: made.records[p.id] for p in made.points if p.labels["method"] != "l1_norm"}
    text = "".join(read(page_of(made, records)).text)
    assert "39 of 51 runs ended (12 missing)" in text
    assert "'l1_norm' has no result" in text


def test_findings_come_worst_first_and_link_to_their_points(synthetic):
    made = synthetic(METHODS)
    dense = next(p.id for p in made.points if p.spec.kind == "dense")
    note, unfair = Finding("b", "note", (dense,), "a note"), Finding("a", "unfair", ("elsewhere",), "a breach")
    page = page_of(made, findings=[note, unfair])
    assert page.index("a breach") < page.index("a note")
    assert '<a href="#point-0-dense">dense</a>' in page
    assert "elsewhere" not in page


@pytest.mark.parametrize("axis", ["compression", "speedup"])
def test_the_declared_axis_is_shown_first(synthetic, axis):
    reader = read(page_of(synthetic(METHODS, axis=axis)))
    checked = [attrs["id"] for tag, attrs in reader.elements if tag == "input" and "checked" in attrs]
    assert checked == [f"show-{axis}", "scale-even"]


def test_points_show_runs_spec_and_command(synthetic):
    made = synthetic(METHODS)
    text = "".join(read(page_of(made)).text)
    for point in made.points:
        assert f"fairprune run study.toml --only {point.id}\n" in text
    assert '"criterion": "l1_norm"' in text
    assert "fairprune run study.toml" in text


def test_what_was_measured_besides_stands_under_its_point_and_is_explained(synthetic):
    made = synthetic(METHODS)
    assert "Isometry distance" not in page_of(made)
    point = next(p for p in made.points if p.labels["method"] == "l1_norm")
    record = made.records[point.id]
    more = [Metric(name="jsv_mean", split="train", value=v, n=16, when=w) for w, v in (("base", 3.014), ("final", 2.0))]
    more.append(Metric(name="convergence_slope", split="validation", value=0.00123, unit="fraction/epoch"))
    records = {**made.records, point.id: record.model_copy(update={"metrics": (*record.metrics, *more)})}
    page = page_of(made, records)
    assert '<td class="left">jsv mean</td><td>3.014</td><td></td><td>2</td>' in page
    assert '<td class="left">convergence slope, %/epoch</td><td></td><td></td><td>0.123</td>' in page
    assert "Isometry distance" in page
    read(page)
