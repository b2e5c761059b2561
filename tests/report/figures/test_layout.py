from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairprune.report.figures import axes
from fairprune.report.figures.boxes import apart, ends
from fairprune.report.figures.layout import arrange
from fairprune.report.figures.palette import NARROW, WIDE, breadth, cut, paper
from fairprune.report.figures.values import Figure, Panel, Point, Series


def test_a_point_stands_where_its_axes_say(figure):
    box = arrange(figure(aspect=0.5), WIDE).boxes[0]
    assert box.height == pytest.approx(0.5 * box.width)
    # From 1x to 1.06 * 4x, and from 79.6 to 90.4: 2x lies at 1 / log2(4.24), 85 in the middle.
    assert box.x(2) == pytest.approx(box.left + box.width / 2.0841, rel=1e-4)
    assert box.x(1) == box.left
    assert box.y(85) == pytest.approx(box.top + box.height / 2)
    assert box.x(2, shift=2) == pytest.approx(box.x(2) + 2 * 0.42 * 12)
    assert box.x(1, shift=-5) == box.left
    assert box.y(0) == box.bottom


def test_panels_fill_rows_as_there_is_room_and_say_things_once(figure):
    made = figure(panels=5, columns=3, least=15)
    wide = arrange(made, paper(6.75)).boxes
    assert [(b.y_numbers, b.x_numbers, b.y_title, b.x_title) for b in wide] == [
        (True, False, "top-1, %", ""),
        (False, False, "", ""),
        (False, True, "", "compression"),  # nothing stands below it
        (True, True, "", ""),
        (False, True, "", "compression"),
    ]
    assert len({b.top for b in wide}) == 2
    assert len({round(b.left, 6) for b in arrange(made, paper(3.25)).boxes}) == 2
    assert len({b.left for b in arrange(replace(made, least=30), paper(3.25)).boxes}) == 1


def test_panels_with_other_axes_show_their_own_numbers(figure):
    made = figure(panels=2, columns=2)
    other = replace(made.panels[1], y=axes.linear("loss", [0, 1]))
    boxes = arrange(replace(made, panels=(made.panels[0], other)), WIDE).boxes
    assert [(b.y_numbers, b.y_title) for b in boxes] == [(True, "top-1, %"), (True, "loss")]


@pytest.mark.parametrize("look", [WIDE, NARROW, paper(3.25), paper(6.75)])
def test_nothing_lies_outside_or_over_something_else(figure, look):
    sheet = arrange(figure(("SynFlow", "magnitude", "x" * 300), panels=4, columns=2), look)
    for box in sheet.boxes:
        assert 0 < box.left < box.right < look.width
        assert 0 < box.top < box.bottom < sheet.height
    for a, b in itertools.combinations(sheet.boxes, 2):
        assert a.right < b.left or b.right < a.left or a.bottom < b.top or b.bottom < a.top
    assert all(entry.middle < sheet.boxes[0].top for entry in sheet.legend)
    assert all(entry.left + 2.4 * look.font + breadth(entry.text, look.font) <= look.width for entry in sheet.legend)


def test_names_stand_beside_lines_only_where_there_is_room(figure):
    made = figure(names="ends")
    wide, narrow = arrange(made, WIDE), arrange(made, NARROW)
    assert (wide.ends, [series.name for series, _ in ends(wide.boxes[0], 16)], wide.legend) == (True, ["a", "b"], ())
    assert (narrow.ends, [entry.text for entry in narrow.legend]) == (False, ["a", "b"])


def test_names_of_rows_take_a_line_each_and_no_more_than_their_share():
    listed = ["short", "a name that is far too long to stand beside the plot it belongs to"]
    rows = Series("n", (Point(3, 0, ""), Point(5, 1, "")), kind="rows")
    panel = Panel("", axes.counts("papers", [3, 5]), axes.names("", listed), (rows,))
    box = arrange(Figure("k", "t", "", (panel,)), NARROW).boxes[0]
    assert box.height == 2 * 1.75 * 12.5
    assert box.left < 0.6 * NARROW.width


@given(st.lists(st.floats(0, 100), max_size=12), st.floats(0.1, 30))
def test_names_are_moved_apart_in_order_and_stay_inside(heights, gap):
    moved = apart(heights, gap, 0, 100)
    least = min(gap, 100 / max(len(heights) - 1, 1)) - 1e-6
    assert all(b - a >= least for a, b in itertools.pairwise(sorted(moved)))
    assert all(-1e-6 <= height <= 100 + 1e-6 for height in moved)
    order = sorted(range(len(heights)), key=heights.__getitem__)
    assert sorted(range(len(heights)), key=moved.__getitem__) == order


def test_heights_that_are_far_enough_apart_do_not_move():
    assert apart([50.0, 10.0, 90.0], 16, 0, 100) == [50.0, 10.0, 90.0]
    assert apart([50.0, 50.0], 16, 0, 100) == [50.0, 66.0]
    assert apart([99.0, 98.0], 16, 0, 100) == [100.0, 84.0]


@given(st.text(max_size=60), st.floats(5, 300))
def test_a_cut_text_fits(text, room):
    short = cut(text, 10, room)
    assert short == text or breadth(short, 10) <= max(room, breadth("…", 10))
