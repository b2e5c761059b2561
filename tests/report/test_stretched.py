from __future__ import annotations

import pytest

from fairprune.report.figures import axes
from fairprune.report.figures.values import Figure, Panel, Point, Reference, Series
from fairprune.report.spans import lined_up
from fairprune.report.stretched import stretched


def chart(*means, dense=99.0, axis=None):
    series = Series("one", tuple(Point(2.0**i, mean, "") for i, mean in enumerate(means)))
    y = axis or axes.linear("accuracy, %", [*means, dense])
    panel = Panel("", axes.factor("compression", [4.0]), y, (series,), (Reference("dense", dense, ""),))
    return {"compression": Figure("chart-0", "title", "", (panel,))}


def test_where_the_worst_misses_four_times_as_much_errors_get_a_scale():
    (found,) = stretched([chart(98.0, 96.0)])
    y = found["compression"].panels[0].y
    assert (found["compression"].key, y.scale) == ("chart-0-errors", "errors")
    halves = [y.place(value) for value in (96.0, 98.0, 99.0)]
    assert halves[1] - halves[0] == pytest.approx(halves[2] - halves[1])
    assert 0 < halves[0] < halves[2] < 1


def test_where_errors_are_alike_there_is_none():
    assert stretched([chart(98.0, 97.0), {}]) == [{}, {}]
    assert stretched([{}]) == [{}]


def test_nothing_missing_is_no_error():
    assert stretched([chart(100.0, dense=100.0)]) == [{}]
    (found,) = stretched([chart(100.0, 96.0)])
    assert found["compression"].panels[0].y.place(100.0) == 1


def test_recipes_of_one_task_keep_one_axis():
    shared = axes.linear("accuracy, %", [50.0, 99.0])
    found = stretched([chart(98.0, axis=shared), chart(50.0, axis=shared), chart(98.5)])
    first, second, other = (by_key["compression"].panels[0].y for by_key in found)
    assert first == second != other


def test_of_rows_the_horizontal_axis_has_the_scale():
    (panel,) = chart(60.0)["compression"].panels
    rows = lined_up(panel, "method", {"one": "one"})
    (found,) = stretched([{"compression": Figure("chart-0", "title", "", (rows,))}])
    (panel,) = found["compression"].panels
    assert (panel.x.scale, panel.y.scale) == ("errors", "names")
