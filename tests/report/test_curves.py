from __future__ import annotations

from fairprune.report.curves import curves, style_of
from fairprune.summary import summarise

METHODS = {"random-weight": ("weight", 3.0), "magnitude": ("weight", 0.5), "l1_norm": ("channel", 1.0)}


def figures_of(made, records=None):
    summary = summarise(made.study, made.points, made.records if records is None else records)
    return [found for panel in summary.panels for found in curves(summary, panel).items()]


def test_a_point_is_a_mean_with_its_interval(synthetic):
    made = synthetic(METHODS)
    summary = summarise(made.study, made.points, made.records)
    figure = curves(summary, summary.panels[0])["compression"]
    assert (figure.key, figure.names) == ("chart-0-compression", "ends")
    series = {s.name: s for s in figure.panels[0].series}
    points = series["magnitude"].points
    cells = {c.target: c for c in summary.panels[0].cells if c.method == "magnitude"}
    assert [(p.x, p.y) for p in points] == sorted((c.compression.mean, c.endpoint.mean) for c in cells.values())
    assert all(p.low < p.y < p.high and not p.open for p in points)
    assert {s.name for s in series.values() if s.dotted} == {"random-weight"}
    assert [r.dashed for r in sorted(figure.panels[0].references, key=lambda r: r.dashed)] == [False, True]
    assert all(a.y > b.y for a, b in zip(points, series["random-weight"].points, strict=True))  # magnitude is better


def test_neighbours_at_one_target_stand_side_by_side(synthetic):
    _, figure = figures_of(synthetic(METHODS))[0]
    assert [s.shift for s in figure.panels[0].series] == [-1, 0, 1]


def test_recipes_of_a_task_share_their_axes(synthetic):
    recipes = {"finetune": {"schedule": "constant:0.01 total:5"}, "scratch-e": {"kind": "scratch-e"}}
    found = figures_of(synthetic(METHODS, retraining=recipes))
    for rate in ("compression", "speedup"):
        axes = [(f.panels[0].x, f.panels[0].y) for name, f in found if name == rate]
        assert len(axes) == 2
        assert axes[0] == axes[1]


def test_incomplete_points_are_marked_and_missing_ones_are_not_drawn(synthetic):
    made = synthetic(METHODS)
    magnitude = [p for p in made.points if p.labels["method"] == "magnitude"]
    drop = {magnitude[0].id} | {p.id for p in magnitude if p.spec.target.value == 16}
    _, figure = figures_of(made, {i: r for i, r in made.records.items() if i not in drop})[0]
    series = next(s for s in figure.panels[0].series if s.name == "magnitude")
    assert [p.open for p in series.points] == [True, False, False]


def test_nothing_measured_is_no_figure(synthetic):
    assert figures_of(synthetic(METHODS), {}) == []


def test_methods_keep_colour_and_shape_and_do_not_share_both(synthetic):
    many = {f"magnitude-{i}": ("weight", 0.5) for i in range(20)}
    made = synthetic(many, seeds=[0], targets=[2])
    summary = summarise(made.study, made.points, made.records)
    assert len({style_of(summary, name) for name in many}) == 20


def test_intervals_of_few_methods_are_bands_those_of_many_whiskers(synthetic):
    _, few = figures_of(synthetic(METHODS))[0]
    assert all(s.band for s in few.panels[0].series)
    _, one_target = figures_of(synthetic(METHODS, targets=[2]))[0]
    assert not any(s.band for s in one_target.panels[0].series)
    _, many = figures_of(synthetic({f"magnitude-{i}": ("weight", 0.5) for i in range(7)}))[0]
    assert not any(s.band for s in many.panels[0].series)
