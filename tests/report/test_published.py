"""Published results under a study's own: words, curves, and that no rank changes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from fairprune.audit.against import as_printed
from fairprune.corpus.beside import Task, beside
from fairprune.corpus.tables import Corpus, Part, merged, nothing
from fairprune.report import html, markdown, published
from fairprune.report.curves import curves
from fairprune.report.figures.values import GREY
from fairprune.report.laid import laid
from fairprune.report.published import about, lines, to_json
from fairprune.summary import summarise

METHODS = {"random-channel": ("channel", 4.0), "l1_norm": ("channel", 1.0)}
TASK = {"data": "cifar10", "network": "resnet56", "pretrain": {"schedule": "constant:0.1 total:20"}}
EVIL = "<script>alert(1)</script> & | _x_"


def row(key: str, paper: str = "poe", **values: Any) -> Mapping[str, Any]:
    where = {"source": f"table 1, {key}", "transcribed_by": "us", "kind": "prune", "method": "m"}
    return {"key": f"{paper}/{key}", "paper": paper, **where, "network": "r", "dataset": "c", **values}


ROWS = (
    row("a", top1=93.0, base_top1=94.0, top1_std=0.1, seeds=3, compression=2.0),
    row("b", top1=92.0, compression=4.0, speedup=2.2),
    row("c", "ann", top1_change=-0.5, compression=3.0, variant=EVIL),
    row("d", "ann", top1=20.0, compression=2.0, setting="low"),
    row("e", "ann", top1=93.0, compression=99.0, setting="far"),
    row("f", "ann", top1=93.0, setting="no rate"),
    row("g", "ann", compression=2.0, setting="no accuracy"),
    row("h", "ann", top1=91.0, compression=2.0, kind="scratch"),
)


def corpus(*rows: Mapping[str, Any]) -> Corpus:
    papers = [
        {"key": "poe", "title": "P", "first_author": "Poe", "year": 2017, "url": "https://poe.org/", "pruning": True},
        {"key": "ann", "title": "A", "first_author": EVIL, "year": 2019, "url": "javascript:alert(1)", "pruning": True},
    ]
    tables = {
        "papers": papers,
        "methods": [{"key": "m", "name": "Method"}],
        "networks": [{"key": "r", "name": "ResNet-56", "component": "resnet56", "about": "two kinds of shortcuts"}],
        "datasets": [{"key": "c", "name": "CIFAR-10", "component": "cifar10"}],
        "results": rows,
    }
    return merged(nothing(), Part("o", tables))  # type: ignore[arg-type]


def shelf(made, rows=ROWS, network="resnet56", official=True):
    library = corpus(*rows)
    runs = tuple(as_printed(r) for r in made.records.values() if r.spec.kind != "dense")
    (task,) = made.study.tasks
    return published.shelf(library, beside(library, [Task(task, "cifar10", network, runs, official)], "top1"), "top1")


@pytest.fixture
def made(synthetic):
    recipes = {"finetune": {"schedule": "constant:0.01 total:5"}, "scratch-e": {"kind": "scratch-e"}}
    return synthetic(METHODS, task=TASK, targets=[2, 4], retraining=recipes)


@pytest.fixture
def summary(made):
    return summarise(made.study, made.points, made.records)


def test_lines_by_year_and_paper(made):
    (found,) = shelf(made).tasks.values()
    listed = lines(found, shelf(made).papers)
    shown = [line for line in listed if line.method in ("Method", f"Method {EVIL}")]
    assert [(line.paper, line.compression, line.accuracy, line.runs) for line in shown] == [
        ("Poe 2017", "2x", "93.00 ± 0.10", "3"),
        ("Poe 2017", "4x", "92.00", "unknown"),
        (f"{EVIL} 2019", "3x", "change −0.50", "unknown"),
    ]
    assert [(line.setup, line.blocked) for line in shown] == [
        ("S1", "S2: base checkpoint unknown in print"),
        ("S1", "S2: base checkpoint unknown in print"),
        ("below S1", "S1: our nearest compression is 4x"),
    ]
    assert "no accuracy" not in {line.method for line in listed}
    assert {line.blocked for line in listed if "no rate" in line.method} == {"S1: no rate in common"}
    assert [line.method for line in listed if "scratch" in line.method] == ["Method, from scratch"]


def test_what_a_reader_must_know(made):
    (found,) = shelf(made).tasks.values()
    assert about(found, "top1") == [
        "8 published results of 2 papers on ResNet-56 and CIFAR-10, as reported: none of them was measured here.",
        "ResNet-56: two kinds of shortcuts.",
        "Strictest setup with a run of ours (rates within 5%): S1 (5), below S1 (3). None reaches S3.2, so none is "
        "ranked with ours.",
        "1 of them gives neither top1 nor its change: not listed.",
    ]


def test_it_says_why_nothing_is_reached(made):
    (carved,) = shelf(made, official=False).tasks.values()
    assert about(carved, "top1")[3].startswith("Our accuracies are of a test split of our own")
    assert {published.setup_of(one) for one in carved.results} == {"below S1"}
    (odd,) = shelf(made, network="resnet56(shortcut=B)").tasks.values()
    assert "Ours is resnet56(shortcut=B), not resnet56 as it is by default: no setup is reached." in about(odd, "top1")
    assert "network resnet56(shortcut=B) against ResNet-56" in published.blocked_of(odd.results[0])


def test_ranks_are_said_to_be_ours_where_a_setup_would_allow_more(made):
    run = next(as_printed(r) for r in made.records.values() if r.spec.kind == "prune")
    printed = row("a", base_checkpoint=run.base_checkpoint, compression=run.compression, top1=93.0)
    (found,) = shelf(made, (printed,)).tasks.values()
    (one,) = found.results
    assert about(found, "top1")[2].endswith("S2 (1). None reaches S3.2, so none is ranked with ours.")
    strict = replace(found, results=(replace(one, verdict=replace(one.verdict, setup="S3.2")),))
    assert about(strict, "top1")[2].endswith("S3.2 (1). Ranks are among our own runs all the same.")


def test_curves_lie_under_ours(made, summary):
    own = curves(summary, summary.panels[0])["compression"].panels[0]
    figure = curves(summary, summary.panels[0], shelf(made))["compression"]
    drawn = figure.panels[0].series
    assert [(s.colour, s.named, s.size) for s in drawn[:2]] == [(GREY, False, 0.6)] * 2
    assert drawn[2:] == own.series
    poe, ann = drawn[:2]
    assert (poe.name, [(p.x, p.y, p.open) for p in poe.points]) == (
        "Method, Poe 2017",
        [(2.0, 93.0, False), (4.0, 92.0, False)],
    )
    assert poe.points[0].link == "https://poe.org/"
    (moved,) = ann.points  # a change alone: added to our base, hollow
    assert (moved.x, moved.y, moved.open) == (3.0, pytest.approx(summary.panels[0].base.mean - 0.5), True)
    assert poe.shape != ann.shape
    assert figure.caption == (
        "Thin and grey: 3 published results of 2 papers, as reported, not measured here and not ranked. Hollow: a "
        "change of accuracy alone is reported; it is added to our base. Not drawn: 2 too far from ours and 2 without "
        "an accuracy or a compression."
    )


def test_pointing_at_one_says_where_it_is_from(made, summary):
    figure = curves(summary, summary.panels[0], shelf(made))["compression"]
    first = figure.panels[0].series[0].points[0]
    assert first.text.splitlines() == [
        "reported: 93.00 ± 0.10",
        "runs behind it: 3",
        "compression 2x, speedup unknown",
        "table 1, a",
        "setup against ours: S1 with random-channel",
        "S2: base checkpoint unknown in print",
    ]
    moved = figure.panels[0].series[1].points[0]
    assert moved.text.startswith("reported: change −0.50, added to our base\nruns behind it: unknown\n")


def test_recipes_of_a_task_still_share_their_axes(made, summary):
    found = [curves(summary, panel, shelf(made))["compression"].panels[0] for panel in summary.panels]
    assert (found[0].x, found[0].y) == (found[1].x, found[1].y)
    scratch = [series.name for series in found[1].series if not series.named]
    assert scratch == [f"Method, from scratch, {EVIL} 2019"]


def test_what_is_drawn_is_near(made, summary):
    panel = summary.panels[0]
    names = [series.name for series in laid(shelf(made), panel, "compression", 40.0, (20.0, 93.0)).series]
    assert [name.split(", ")[1] for name in names] == ["Poe 2017", "low", f"{EVIL} 2019"]  # 99x is further
    nothing_near = laid(shelf(made), panel, "compression", 4.0, (50.0, 51.0))
    assert nothing_near.series == ()
    assert nothing_near.note == "Not drawn: 5 too far from ours and 2 without an accuracy or a compression."


def test_the_page_is_escaped_and_ranks_nothing(made, summary):
    plain = html.page(summary, made.records, [], "run it")
    page = html.page(summary, made.records, [], "run it", shelf(made))
    assert "Published results" not in plain
    assert "<script>alert" not in page
    assert "javascript:" not in page
    assert '<a href="https://poe.org/">Poe 2017</a>' in page
    section = page[page.index('id="published"') : page.index('id="findings"')]
    assert "top-1 accuracy, %, as reported" in section
    assert "None reaches S3.2, so none is ranked with ours." in section
    assert "&lt;script&gt;" in section
    table = re.compile(r'<h2 id="table">.*?</section>', re.S)
    assert table.findall(page) == table.findall(plain)  # ranks and verdicts are the same, and nobody else's is there


def test_markdown(made, summary):
    page = markdown.page(summary, [], "run it", shelf(made))
    plain = markdown.page(summary, [], "run it")
    before, _, after = page.partition("## Published results\n\n")
    assert before + after[after.index("## Cost") :] == plain
    section = after[: after.index("## Cost")]
    assert "| Poe 2017 | Method | 2x |  | 93.00 ± 0.10 | 3 | S1 | S2: base checkpoint unknown in print |" in section
    assert "<script>" not in page
    assert r"\| \_x\_" in section


def test_json(made):
    (found,) = shelf(made).tasks.values()
    listed = {one["key"]: one for one in to_json(found)}
    assert len(listed) == 8
    first, moved = listed["poe/a"], listed["ann/c"]
    assert (first["accuracy"], first["change"], first["runs"], first["setup"]) == (93.0, -1.0, 3, "S1")
    assert first["blocked_by"][0]["setup"] == "S2"
    assert first["blocked_by"][0]["published"] is None
    assert (moved["accuracy"], moved["change"], moved["runs"], moved["setup"]) == (None, -0.5, None, None)
