from __future__ import annotations

import pytest

from fairprune.record import Metric
from fairprune.report import html, markdown, words
from fairprune.report.curves import curves, together
from fairprune.report.rates import COMPRESSION, SPEEDUP, rates, shown_first
from fairprune.report.speedups import speedups
from fairprune.summary import summarise

METHODS = {"random-channel": ("channel", 3.0), "l1_norm": ("channel", 1.0), "magnitude": ("weight", 0.5)}


@pytest.fixture
def timed(synthetic):
    """A study whose pruned runs were timed: slower than promised, weights not faster at all."""
    made = synthetic(METHODS)
    records = {}
    for key, record in made.records.items():
        if record.spec.method:
            small = 0.9 if record.spec.method.granularity == "weight" else record.speedup**0.5
            one = small + 0.1 * record.spec.run_seed
            metrics = [
                Metric(name=f"measured_speedup_b{size}{end}", split="none", value=value, unit="x", n=9)
                for size, middle in ((1, one), (64, 2.0))
                for end, value in (("", middle), ("_low", middle - 0.1), ("_high", middle + 0.1))
            ]
            record = record.model_copy(update={"metrics": (*record.metrics, *metrics), "timed_on": "a machine"})
        records[key] = record
    return made, summarise(made.study, made.points, records), records


def test_what_was_timed_is_an_axis_for_each_batch_size(timed, synthetic):
    _, summary, _ = timed
    assert [rate.key for rate in rates(summary)] == ["compression", "speedup", "measured-b1", "measured-b64"]
    assert shown_first(summary) is COMPRESSION
    plain = synthetic(METHODS, axis="speedup")
    untimed = summarise(plain.study, plain.points, plain.records)
    assert rates(untimed) == (COMPRESSION, SPEEDUP)
    assert shown_first(untimed) is SPEEDUP
    assert speedups(untimed) == ()


def test_curves_over_measured_speedup_show_what_became_slower(timed):
    _, summary, _ = timed
    figure = curves(summary, summary.panels[0])["measured-b1"]
    plot = figure.panels[0]
    series = {s.name: s for s in plot.series}
    assert {round(p.x, 6) for p in series["magnitude"].points} == {1.0}  # 0.9, 1.0 and 1.1 of three seeds
    assert plot.x.low <= 1.0
    assert "Measured on a machine (36 runs)." in figure.caption
    assert "measured speedup, batch 64 2x" in series["l1_norm"].points[0].text


def test_theory_meets_measurement_in_a_figure_of_its_own(timed):
    _, summary, _ = timed
    (figure,) = speedups(summary)
    assert [plot.title for plot in figure.panels] == ["batch 1", "batch 64"]
    cell = next(c for c in summary.panels[0].cells if (c.method, c.amount) == ("l1_norm", 4))
    point = figure.panels[0].series[1].points[1]
    promised = cell.speedup.mean
    assert point.x == pytest.approx(promised)
    assert (point.low, point.y, point.high) == pytest.approx(tuple(promised**0.5 + d for d in (0.0, 0.1, 0.2)))
    assert figure.panels[1].series[1].points[1].low is None  # all runs alike
    assert "masks make nothing faster" in figure.caption
    assert figure.panels[0].references[0].diagonal


def test_the_page_switches_between_all_axes(timed):
    made, summary, records = timed
    page = html.page(summary, records, (), "run")
    assert page.count('name="axis"') == 4
    assert "axis axis-measured-b64" in page
    assert "Measured against theoretical speedup" in page
    assert ">measured speedup, batch 64</th>" in page
    assert "Measured against theoretical" not in html.page(
        summarise(made.study, made.points, made.records), made.records, (), "run"
    )


def test_markdown_has_what_was_measured_beside_theory(timed):
    made, summary, _ = timed
    _, _, section = markdown.page(summary, (), "run").partition("## Measured speedup")
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line]
    assert lines[0][3:] == ["theoretical speedup", "measured speedup, batch 1", "measured speedup, batch 64"]
    cells = [cell for cell in summary.panels[0].cells if cell.measured]
    for cell, row in zip(cells, lines[2:], strict=False):
        mean = {m.name: m.mean for m in cell.measured}
        assert row[1:3] == [markdown.plain(cell.method), f"{cell.amount:g}x"]
        assert row[3] == words.achieved(cell.speedup)
        assert row[5] == f"{mean['measured_speedup_b64']:.3g}x"
    assert "Measured speedup" not in markdown.page(summarise(made.study, made.points, made.records), (), "run")


def test_several_panels_are_one_figure(synthetic):
    recipes = {"finetune": {"schedule": "constant:0.01 total:5"}, "scratch-e": {"kind": "scratch-e"}}
    made = synthetic(METHODS, retraining=recipes)
    summary = summarise(made.study, made.points, made.records)
    figure = together(summary, SPEEDUP)
    assert [plot.title for plot in figure.panels] == ["digits-digits_cnn, finetune", "digits-digits_cnn, scratch-e"]
    assert figure.panels[0].x == figure.panels[1].x
    assert together(summarise(made.study, made.points, {}), SPEEDUP) is None
