from __future__ import annotations

import re

import pytest

from fairprune.report import html, points
from fairprune.report.points import details, in_a_line
from fairprune.report.remarks import Remarks
from fairprune.report.training import pictures
from fairprune.summary import summarise

METHODS = {"random-channel": ("channel", 3.0), "l1_norm": ("channel", 1.0)}
KEPT = ({"conv1": (2, 8), "<b>": (5, 5)}, {"conv1": (4, 8), "<b>": (5, 5)}, {"conv1": (6, 8), "<b>": (5, 5)})


@pytest.fixture
def made(synthetic):
    return synthetic(METHODS, targets=[2])


def of(made, summary, method, **changes):
    """The detail of a method, its records changed."""
    records = {
        key: r.model_copy(update={name: values[r.spec.run_seed] for name, values in changes.items()})
        for key, r in made.records.items()
    }
    found = details(summary, summary.panels[0], records, {}, Remarks())
    return next(detail for detail in found if detail.cell.method == method)


def test_layers_show_what_was_kept_over_the_runs(made):
    summary = summarise(made.study, made.points, made.records)
    first, second = of(made, summary, "l1_norm", kept=KEPT).layers
    assert (first.name, first.least, first.mean, first.most, first.text) == ("conv1", 0.25, 0.5, 0.75, "2–6 of 8")
    assert (second.mean, second.text) == (1.0, "5 of 5")
    assert of(made, summary, "l1_norm").layers == ()


def test_pairs_are_differences_of_runs_with_the_same_seeds(made):
    summary = summarise(made.study, made.points, made.records)
    detail = of(made, summary, "l1_norm")
    control = next(c for c in summary.panels[0].cells if c.method == "random-channel")
    others = {run.run_seed: run.value for run in control.runs}
    assert detail.pairs == {run.id: run.value - others[run.run_seed] for run in detail.cell.runs}
    assert sum(detail.pairs.values()) / 3 == pytest.approx(detail.comparison.difference)
    assert of(made, summary, "random-channel").pairs == {}


def test_training_is_a_line_a_run_and_a_sentence(made):
    summary = summarise(made.study, made.points, made.records)
    cell = summary.panels[0].cells[1]
    rows = [{"epoch": float(epoch), "top1": 0.5 + 0.001 * epoch} for epoch in range(1, 301)]
    gaps = [{"epoch": 1.0, "top1": None}, {"epoch": 2.0, "loss": 1.0}]
    curves = {run.id: {"pretrain": rows, "retrain": rows} for run in cell.runs[:2]} | {
        cell.runs[2].id: {"retrain": gaps}
    }
    low, high = sorted(f"{run.pruned:.1f}" for run in cell.runs[:2])
    (picture,) = pictures(summary, cell, curves)
    assert picture.title == "Retraining: validation top-1 accuracy, %"
    assert picture.text == f"{low} to {high} before, 80.0 after 300 epochs."
    assert picture.svg.count('class="run"') == 2
    assert picture.svg.count("L") == 2 + 2 * 61  # of the frame; thinned, and the last epoch is there
    assert list(pictures(summary, cell, {})) == []
    dense = list(pictures(summary, summary.panels[0].dense, {summary.panels[0].dense.runs[0].id: {"pretrain": rows}}))
    assert [p.title for p in dense] == ["Pretraining: validation top-1 accuracy, %"]
    page = html.page(summary, made.records, (), "run", trained=curves)
    assert "80.0 after 300 epochs." in page


def test_many_runs_are_one_line_a_point_and_the_page_says_so(made, monkeypatch):
    summary = summarise(made.study, made.points, made.records)
    cell = summary.panels[0].cells[1]
    values = sorted(run.value for run in cell.runs)
    low, median, high = (f"{value:.1f}" for value in values)
    assert in_a_line(cell, 1) == f"3/3 runs; base and run seeds 0/0 to 2/2; from {low} to {high}, median {median}."
    monkeypatch.setattr(points, "MOST_RUNS", 5)
    page = html.page(summary, made.records, (), "run")
    assert "Aggregated: 9 runs are too many to list here." in page
    assert in_a_line(cell, 1) in page
    assert cell.runs[0].id not in page
    monkeypatch.setattr(points, "MOST_POINTS", 1)
    page = html.page(summary, made.records, (), "run")
    assert "<details" not in page
    links = set(re.findall(r'href="#(point-[^"]*)"', page))
    assert links
    assert links <= set(re.findall(r'<tr[^>]* id="(point-[^"]*)"', page))
