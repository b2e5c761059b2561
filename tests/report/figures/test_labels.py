from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from fairprune.report.figures.labels import Area, Label, around, mark, placed

ROOM = Area(0, 0, 200, 100)
spots = st.tuples(st.floats(0, 200), st.floats(0, 100))


def place(spots, room=ROOM, em=10.0):
    marks = [mark(x, y, em) for x, y in spots]
    return placed([around("name", x, y, em) for x, y in spots], marks, room, em)


def test_a_name_stands_right_of_its_mark_else_left_else_above():
    assert place([(100.0, 50.0)]) == [Label("name", 106.5, 53.5, "start")]
    assert place([(195.0, 50.0)]) == [Label("name", 188.5, 53.5, "end")]
    crowded = [(100.0, 50.0), (112.0, 50.0), (88.0, 50.0)]
    assert place(crowded)[0] == Label("name", 100.0, 42.5, "middle")


def test_where_there_is_no_place_there_is_no_name():
    assert place([(5.0, 5.0)], Area(0, 0, 10, 10)) == [None]


def test_what_touches_does_not_meet():
    assert not Area(0, 0, 1, 1).meets(Area(1, 0, 2, 1))
    assert Area(0, 0, 1, 1).meets(Area(0.5, 0.5, 2, 2))
    assert Area(0, 0, 1, 1).holds(Area(0, 0, 1, 1))
    assert not Area(0, 0, 1, 1).holds(Area(0, 0, 1, 2))


@given(st.lists(spots, max_size=12))
def test_names_hide_neither_marks_nor_each_other(spots):
    areas = [label.area(10.0) for label in place(spots) if label]
    assert not any(a.meets(b) for a, b in itertools.combinations(areas, 2))
    assert not any(area.meets(mark(x, y, 10.0)) for area in areas for x, y in spots)
    assert all(ROOM.holds(area) for area in areas)
