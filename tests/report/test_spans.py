from __future__ import annotations

from fairprune.report.curves import curves, together
from fairprune.report.figures.palette import WIDE
from fairprune.report.figures.svg import inline
from fairprune.report.figures.values import Axis, Panel, Point, Reference, Series
from fairprune.report.rates import COMPRESSION
from fairprune.report.spans import lined_up
from fairprune.summary import summarise

METHODS = {"random-weight": ("weight", 3.0), "magnitude": ("weight", 0.5)}
PLOT = Panel(
    "",
    Axis("factor", 1, 4, "factor"),
    Axis("top1", 60, 90),
    (
        Series("a", (Point(4, 70, "A", 68, 72, link="#a"),), 1, 1, shift=-1),
        Series("b", (Point(4, 80, "B", open=True),), 2, 2, band=True, shift=1),
        Series("none", ()),
    ),
    (Reference("dense", 85, "dense: 85"), Reference("retrained", 86, "retrained: 86", dashed=True)),
)
NAMES = {"a": "a, 4x", "b": "b, 4x"}


def test_values_lie_across_and_the_best_row_is_on_top():
    turned = lined_up(PLOT, "method", NAMES)
    assert turned.y.names == ("retrained", "dense", "b, 4x", "a, 4x")
    assert turned.y.place(0) > turned.y.place(3)
    assert turned.x == PLOT.y
    rows = {series.name: series.drawn[0] for series in turned.series}
    assert [(name, point.x, point.y) for name, point in rows.items()] == [
        ("retrained", 86, 0),
        ("dense", 85, 1),
        ("b", 80, 2),
        ("a", 70, 3),
    ]
    assert (rows["a"].low, rows["a"].high, rows["a"].link, rows["b"].open) == (68, 72, "#a", True)
    assert all(series.kind == "spans" and not series.band and not series.shift for series in turned.series)
    assert [(line.at, line.up, line.dashed, line.name) for line in turned.references] == [
        (86, True, True, ""),
        (85, True, False, ""),
    ]


def test_where_less_is_better_the_least_is_on_top():
    assert lined_up(PLOT, "method", NAMES, lower=True).y.names == ("dense", "retrained", "a, 4x", "b, 4x")


def test_a_study_with_one_target_has_rows_one_with_more_has_curves(synthetic):
    for targets, scale, names in (([4], "names", "none"), ([2, 4], "linear", "ends")):
        made = synthetic(METHODS, targets=targets)
        summary = summarise(made.study, made.points, made.records)
        figure = curves(summary, summary.panels[0])["compression"]
        assert (figure.panels[0].y.scale, figure.names) == (scale, names)
        assert together(summary, COMPRESSION).panels[0].y.scale == scale
    row_names = figure_names(synthetic)
    assert [name.split(",")[0] for name in row_names[-2:]] == ["magnitude", "random-weight (control)"]
    assert all(name.endswith("x") for name in row_names[-2:])


def figure_names(synthetic):
    made = synthetic(METHODS, targets=[4])
    summary = summarise(made.study, made.points, made.records)
    return curves(summary, summary.panels[0])["compression"].panels[0].y.names


def test_intervals_are_drawn_along_the_row(synthetic):
    made = synthetic(METHODS, targets=[4])
    summary = summarise(made.study, made.points, made.records)
    drawn = inline(curves(summary, summary.panels[0])["compression"], WIDE, "a")
    assert drawn.count('stroke-opacity="0.6"') == len(METHODS)
    assert "H" in drawn.split('stroke-opacity="0.6"')[0].rsplit("<path", 1)[1]
