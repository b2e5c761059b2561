from __future__ import annotations

import itertools

import pytest

from fairprune.report.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Frame, x_ticks, y_ticks
from fairprune.report.curves import charts, style_of
from fairprune.summary import summarise

METHODS = {"random-weight": ("weight", 3.0), "magnitude": ("weight", 0.5), "l1_norm": ("channel", 1.0)}


def charts_of(made, records=None):
    return charts(summarise(made.study, made.points, made.records if records is None else records))


def test_equal_factors_are_equal_steps_and_endpoints_are_linear():
    frame = Frame(16.0, 80.0, 100.0)
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    assert [frame.x(f) - LEFT for f in (1, 2, 4, 8, 16)] == pytest.approx([width * i / 4 for i in range(5)])
    assert frame.y(80) == HEIGHT - BOTTOM
    assert frame.y(95) == pytest.approx(TOP + height / 4)
    assert frame.y(120) == frame.y(100) == TOP
    assert [tick.text for tick in x_ticks(frame)] == ["1x", "2x", "4x", "8x", "16x"]


@pytest.mark.parametrize(("low", "high"), [(80, 100), (94.1, 94.9), (0, 1e-3), (0.2, 2.4)])
def test_ticks_are_round_few_and_inside(low, high):
    ticks = y_ticks(Frame(2.0, low, high))
    assert 3 <= len(ticks) <= 10
    assert all(low - 1e-9 <= float(tick.text) <= high + 1e-9 for tick in ticks)


def test_a_mark_stands_at_its_mean_and_its_whisker_spans_the_interval(synthetic):
    made = synthetic(METHODS)
    summary = summarise(made.study, made.points, made.records)
    chart = next(c for c in charts(summary) if c.axis == "compression")
    series = next(s for s in chart.series if s.name == "magnitude")
    assert [m.x for m in series.marks] == sorted(m.x for m in series.marks)
    assert all(m.high < m.y < m.low for m in series.marks)  # pixels grow downwards
    assert all(m.complete for m in series.marks)
    assert {s.name for s in chart.series if s.control} == {"random-weight"}
    assert [r.kind for r in sorted(chart.references, key=lambda r: r.kind)] == ["base", "dense"]
    others = next(s for s in chart.series if s.name == "random-weight")
    assert all(a.y < b.y for a, b in zip(series.marks, others.marks, strict=True))  # magnitude is better


def test_recipes_of_a_task_share_their_heights(synthetic):
    recipes = {"finetune": {"schedule": "constant:0.01 total:5"}, "scratch-e": {"kind": "scratch-e"}}
    found = charts_of(synthetic(METHODS, retraining=recipes))
    ticks = {chart.axis: [] for chart in found}
    for chart in found:
        ticks[chart.axis].append((chart.y_ticks, chart.x_ticks))
    assert all(len(each) == 2 and each[0] == each[1] for each in ticks.values())


def test_names_beside_the_plot_do_not_overlap(synthetic):
    close = {f"magnitude-{i}": ("weight", 0.5) for i in range(12)}
    for chart in charts_of(synthetic(close | {"random-weight": ("weight", 3.0)})):
        heights = sorted(s.label for s in chart.series)
        assert all(b - a > 15.9 for a, b in itertools.pairwise(heights))
        assert heights[-1] <= HEIGHT - BOTTOM + 1e-6


def test_incomplete_points_are_marked_and_missing_ones_are_not_drawn(synthetic):
    made = synthetic(METHODS)
    magnitude = [p for p in made.points if p.labels["method"] == "magnitude"]
    drop = {magnitude[0].id} | {p.id for p in magnitude if p.spec.target.value == 16}
    chart = charts_of(made, {i: r for i, r in made.records.items() if i not in drop})[0]
    series = next(s for s in chart.series if s.name == "magnitude")
    assert [m.complete for m in series.marks] == [False, True, True]


def test_nothing_measured_is_no_chart(synthetic):
    assert charts_of(synthetic(METHODS), {}) == []


def test_methods_keep_colour_and_shape_and_do_not_share_both(synthetic):
    many = {f"magnitude-{i}": ("weight", 0.5) for i in range(20)}
    made = synthetic(many, seeds=[0], targets=[2])
    summary = summarise(made.study, made.points, made.records)
    assert len({style_of(summary, name) for name in many}) == 20
