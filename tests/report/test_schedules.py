"""Schedules, drawn."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from fairprune.report.schedules import drawn, svg
from fairprune.schedules import empty, parse


def test_columns_have_the_rates_of_their_epochs():
    rows = drawn(parse("0:1e-1,2:1e-3 total:4"), width=8, height=2).splitlines()
    assert rows == ["1e-1 ████    ", "1e-3 ████▁▁▁▁", "     0      4"]


def test_a_constant_rate_is_full_and_no_rate_is_empty():
    assert drawn(parse("constant:1e-3 total:2"), width=4, height=1).splitlines()[0].endswith("████")
    assert "nothing is trained" in drawn(empty())
    warm = drawn(parse("constant:1e-1 total:4 warmup:2"), width=40, height=4).splitlines()
    heights = [sum(row[-40:][column] != " " for row in warm[:4]) for column in range(40)]
    assert heights == sorted(heights)


@pytest.mark.parametrize("text", ["0:1e-1,2:1e-3 total:4", "cosine:1e-1->0 total:3 warmup:1", "none"])
def test_the_picture_is_xml_with_a_falling_line(text):
    picture = ElementTree.fromstring(svg(parse(text)))
    [line] = [element for element in picture if element.tag.endswith("polyline")]
    heights = [float(pair.split(",")[1]) for pair in line.get("points").split()]
    assert bool(heights) == (text != "none")
    assert all(8 <= height <= 132 for height in heights)
    title = next(element for element in picture if element.tag.endswith("title"))
    assert re.sub(r"\\s", "", title.text) == str(parse(text)).replace(" ", " ")
