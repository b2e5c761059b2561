from __future__ import annotations

import math
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from fairprune.report.figures import axes
from fairprune.report.figures.elements import path
from fairprune.report.figures.layout import arrange
from fairprune.report.figures.palette import NARROW, SHAPES, WIDE, breadth, paper
from fairprune.report.figures.svg import inline, standalone
from fairprune.report.figures.values import Figure, Panel, Point, Reference, Series

NAMESPACE = "{http://www.w3.org/2000/svg}"
HOSTILE = "\"'><script>alert(1)</script>&\x00\x1b]]>"


def tags(root):
    return [(node.tag.removeprefix(NAMESPACE), node.attrib) for node in root.iter()]


def test_a_file_is_xml_with_colours_fonts_and_a_size_in_it(figure):
    text = standalone(figure(panels=2, columns=2), paper(3.25))
    root = ElementTree.fromstring(text)
    assert root.tag == NAMESPACE + "svg"
    assert root.get("width") == "3.2500in"
    assert root.get("viewBox").startswith("0 0 234 ")
    assert "Helvetica" in root.get("font-family")
    assert "var(" not in text
    colours = {a[key] for _, a in tags(root) for key in ("fill", "stroke") if key in a}
    assert all(re.fullmatch(r"#[0-9a-f]{6}|none", colour) for colour in colours)
    assert root.find(NAMESPACE + "title").text == "a title"


def test_in_points_a_file_is_as_wide_as_its_coordinates(figure):
    root = ElementTree.fromstring(standalone(figure(), paper(6.75), unit="pt"))
    assert root.get("width") == "486"
    assert root.get("viewBox").split()[2] == "486"


def test_a_page_colours_by_variables_and_every_mark_speaks(figure):
    root = ElementTree.fromstring(inline(figure(), WIDE, "wide"))
    marks = [node for node in root.iter() if node.get("class") == "mark"]
    assert [mark.find("title").text for mark in marks] == [f"{s}\nat {v}" for s in "ab" for v in (1, 2, 4)]
    assert all(mark.get("role") == "img" for mark in marks)
    assert {a["fill"] for _, a in tags(root) if a.get("class") == "dot"} == {"var(--c0)", "var(--c1)"}
    assert root.get("aria-labelledby") == "k-wide-title"
    ids = {a["id"]: node.text for node in root.iter() if (a := node.attrib).get("id")}
    assert ids == {"k-wide-title": "a title", "k-wide-about": "top-1, % over compression: a (3), b (3)."}


def test_a_line_goes_through_its_points_by_hand():
    x, y = axes.Axis("", 0.0, 4.0), axes.Axis("", 0.0, 10.0)
    line = Series("s", (Point(0, 0, ""), Point(2, 5, ""), Point(4, 10, "")))
    made = Figure("k", "t", "", (Panel("", x, y, (line,)),), names="none", aspect=0.5)
    box = arrange(made, WIDE).boxes[0]
    middle = f"{box.left + box.width / 2:.2f} {box.top + box.height / 2:.2f}"
    found = [
        a["d"] for _, a in tags(ElementTree.fromstring(inline(made, WIDE, "wide"))) if a.get("stroke") == "var(--c0)"
    ]
    numbers = [tuple(map(float, pair.split())) for pair in found[0].removeprefix("M").split("L")]
    expected = [(box.left, box.bottom), tuple(map(float, middle.split())), (box.right, box.top)]
    assert numbers == [pytest.approx(pair, abs=0.006) for pair in expected]


def test_bars_stand_on_the_floor_and_rows_begin_at_the_left():
    bars = Series("n", (Point(1, 3, "", label="3"),), kind="bars")
    rows = Series("n", (Point(2, 0, "", label="2"),), kind="rows")
    upright = Panel("", axes.linear("", [0, 2]), axes.counts("", [3]), (bars,))
    lying = Panel("", axes.counts("", [2]), axes.names("", ["one"]), (rows,))
    for panel in (upright, lying):
        made = Figure("k", "t", "", (panel,), names="none")
        box = arrange(made, WIDE).boxes[0]
        (bar,) = [a for tag, a in tags(ElementTree.fromstring(inline(made, WIDE, "wide"))) if a.get("class") == "bar"]
        bar = {key: float(bar[key]) for key in ("x", "y", "width", "height")}
        if panel is upright:
            assert bar["y"] + bar["height"] == pytest.approx(box.bottom, abs=0.02)
            assert bar["height"] == pytest.approx(box.height * 3 / 3.3, abs=0.02)
            assert bar["x"] + bar["width"] / 2 == pytest.approx(box.x(1), abs=0.02)
        else:
            assert (bar["x"], bar["width"]) == pytest.approx((box.left, box.width * 2 / 2.2), abs=0.02)
            assert bar["height"] == pytest.approx(0.8 * box.height, abs=0.02)


def test_whiskers_and_bands_span_the_intervals(figure):
    made = figure(("a",))
    box = arrange(made, WIDE).boxes[0]
    whisker = next(a["d"] for _, a in tags(ElementTree.fromstring(inline(made, WIDE, "wide"))) if "V" in a.get("d", ""))
    first = re.match(r"M(\S+) (\S+)V(\S+)", whisker[: whisker.index("M", 1)])
    assert [float(first[i]) for i in (1, 2, 3)] == pytest.approx([box.left, box.y(85), box.y(91)], abs=0.006)
    banded = replace(made.panels[0], series=(replace(made.panels[0].series[0], band=True),))
    text = standalone(replace(made, panels=(banded,)), paper(3.25))
    assert 'fill-opacity="0.18"' in text
    assert not re.search(r'd="M[^"]*V', text)


def test_a_band_breaks_where_there_is_no_interval_and_one_alone_is_a_whisker(figure):
    made = figure(("a",))
    one = made.panels[0].series[0]
    points = (*one.points[:2], replace(one.points[2], low=None), replace(one.points[2], x=4.2))
    banded = replace(made.panels[0], series=(replace(one, points=points, band=True),))
    root = ElementTree.fromstring(inline(replace(made, panels=(banded,)), WIDE, "wide"))
    (band,) = (a["d"] for _, a in tags(root) if a.get("class") == "band")
    assert (band.count("M"), band.count("L")) == (2, 4)  # four corners, and a line of no width
    assert sum("V" in a.get("d", "") and a.get("stroke-opacity") == "0.6" for _, a in tags(root)) == 1


def test_names_at_ends_are_ink_beside_the_marks_of_their_series(figure):
    root = ElementTree.fromstring(inline(figure(("a", "b"), names="ends"), WIDE, "wide"))
    entries = [e for e in root.iter() if e.get("class") == "entry"]
    marks = [part.attrib for entry in entries for part in entry if part.get("class") == "dot"]
    assert [part.get("fill") for entry in entries for part in entry if part.tag == "text"] == ["var(--ink)"] * 2
    assert [(mark["fill"], mark["d"]) for mark in marks] == [("var(--c0)", SHAPES[0]), ("var(--c1)", SHAPES[1])]


def test_hostile_names_are_text_everywhere():
    point = Point(1, 1, HOSTILE, link="javascript:alert(1)", label=HOSTILE)
    series = Series(HOSTILE, (point,), kind="dots")
    reference = Reference(HOSTILE, 1.0, HOSTILE)
    panel = Panel(HOSTILE, axes.linear(HOSTILE, [1]), axes.linear(HOSTILE, [1]), (series,), (reference,))
    made = Figure("k", HOSTILE, HOSTILE, (panel,), description=HOSTILE)
    for text in (inline(made, WIDE, "wide"), standalone(made, paper(3.25))):
        root = ElementTree.fromstring(text)
        assert "<script" not in text
        assert not {"script", "a"} & {tag for tag, _ in tags(root)}
        assert not any(key.startswith("on") for _, attributes in tags(root) for key in attributes)
        assert "javascript" not in text
        assert any("<script>alert(1)" in (node.text or "") for node in root.iter())


@pytest.mark.parametrize(("link", "kept"), [("https://a.org/b", True), ("#here", True), ("data:text/html,x", False)])
def test_marks_lead_to_pages_and_anchors_alone(link, kept):
    series = Series("s", (Point(1, 1, "", link=link),), kind="dots")
    made = Figure("k", "t", "", (Panel("", axes.linear("", [1]), axes.linear("", [1]), (series,)),))
    links = [a["href"] for tag, a in tags(ElementTree.fromstring(inline(made, WIDE, "wide"))) if tag == "a"]
    assert links == ([link] if kept else [])


def test_an_empty_figure_says_so_and_what_is_not_finite_is_left_out():
    nothing = Panel("", axes.linear("x", []), axes.linear("y", []), (Series("s", ()),))
    assert "nothing reported" in standalone(Figure("k", "t", "", (nothing,)), paper(3.25))
    ElementTree.fromstring(standalone(Figure("k", "t", "", ()), paper(3.25)))
    points = (Point(1, math.nan, "a"), Point(math.inf, 1, "b"), Point(1, 1, "c"))
    odd = Panel("", axes.linear("x", [1]), axes.linear("y", [1]), (Series("s", points),))
    text = inline(Figure("k", "t", "", (odd,)), WIDE, "wide")
    assert text.count('class="mark"') == 1
    assert "nan" not in text


def test_a_line_at_the_top_has_its_name_where_the_axis_title_is_not():
    def name_of(at):
        reference = Reference("dense 99.9", at, "", start=True)
        y = axes.linear("test top1, %", [90.0, 100.0], ceiling=100.0)
        panel = Panel("", axes.factor("x", [2.0, 4.0]), y, (Series("a", (Point(2.0, 95.0, ""),)),), (reference,))
        root = ElementTree.fromstring(inline(Figure("key", "title", "", (panel,)), WIDE, "wide"))
        return next(text for text in root.iter("text") if text.text == "dense 99.9").get("text-anchor")

    assert name_of(99.9) == "end"
    assert name_of(95.0) == "start"


def test_a_diagonal_is_where_both_axes_say_the_same():
    panel = Panel(
        "",
        axes.factor("x", [8.0]),
        axes.factor("y", [0.5, 4.0]),
        (Series("a", (Point(2.0, 1.0, ""),)),),
        (Reference("equal", 1.0, "", diagonal=True),),
    )
    box = arrange(Figure("key", "title", "", (panel,)), WIDE).boxes[0]
    ends = path([(box.x(1.0), box.y(1.0)), (box.x(panel.y.high), box.y(panel.y.high))])
    assert f'd="{ends}"' in inline(Figure("key", "title", "", (panel,)), WIDE, "wide")


def test_a_title_over_long_names_stays_inside():
    rows = Series("n", (Point(1, 0, ""),), kind="spans")
    listed = axes.names("method, theoretical speedup (dense / kept multiply-adds)", ["a name that takes half the room"])
    made = Figure("k", "t", "", (Panel("", axes.linear("x", [0, 2]), listed, (rows,)),), names="none")
    root = ElementTree.fromstring(inline(made, NARROW, "narrow"))
    (title,) = (e for e in root.iter("text") if e.text == listed.title)
    assert float(title.get("x")) + breadth(listed.title, NARROW.font) <= NARROW.width
    assert float(title.get("x")) < arrange(made, NARROW).boxes[0].left
