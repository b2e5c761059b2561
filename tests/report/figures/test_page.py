from __future__ import annotations

import json
import re

from fairprune.report.figures import axes
from fairprune.report.figures.page import page
from fairprune.report.figures.table import data, table
from fairprune.report.figures.values import Figure, Panel, Point, Series


def test_a_page_holds_both_sizes_the_caption_and_the_data(figure):
    text = page("a <page>", "about", "facts", [figure(), figure(key="other")])
    assert text.count('<svg class="wide"') == text.count('<svg class="narrow"') == 2
    assert "a &lt;page&gt;" in text
    assert text.count("a caption") == 2
    assert text.count("<td") == 2 * 6 * 5  # series, x, y, interval, about of six points; there is one panel
    ids = re.findall(r' id="([^"]*)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r' href="#([^"]*)"', text)) <= set(ids)
    assert not re.search(r"<(link|img|iframe|object|embed)\b|@import|url\(|src=|xmlns", text)


def test_the_data_are_the_points(figure):
    made = figure(panels=2)
    titles, rows = table(made).titles, table(made).rows
    assert titles == ("panel", "series", "compression", "top-1, %", "interval", "about")
    assert rows[5] == ("panel 0", "b", "4", "86", "85 to 91", "at 4")
    assert len(rows) == 12
    found = json.loads(json.dumps(data(made)))
    assert found["panels"][1]["series"][0]["points"][1] == {
        "x": 2.0,
        "y": 89,
        "low": 85.0,
        "high": 91.0,
        "text": "at 2",
        "link": None,
    }


def test_places_on_an_axis_of_names_are_shown_by_name():
    rows = Series("n", (Point(3, 0, ""),), kind="rows")
    named = Panel("", axes.counts("papers", [3]), axes.names("", ["here"]), (rows,))
    shown = table(Figure("k", "t", "", (named,)))
    assert (shown.titles, shown.rows) == (("series", "papers", "y"), (("n", "3", "here"),))
