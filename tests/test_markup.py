"""Tables for notebooks: well formed, escaped."""

from html.parser import HTMLParser
from xml.etree import ElementTree

from fairprune.markup import bar, paragraph, table


def test_a_table_has_its_cells_as_text():
    text = table(("name <", "n"), [("<script>alert(1)</script>", "1"), ("a & b", "2")], caption='"c"')
    tree = ElementTree.fromstring(text)
    assert [cell.text for cell in tree.iter("th")] == ["name <", "n"]
    assert [cell.text for cell in tree.iter("td")] == ["<script>alert(1)</script>", "1", "a & b", "2"]
    assert tree.findtext("caption") == '"c"'
    assert [cell.get("style").split(";")[0] for cell in tree.iter("th")] == ["text-align:left", "text-align:right"]


def test_what_is_html_is_left_alone():
    tags = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: tags.append((tag, dict(attributes)))
    parser.feed(table(("a",), [(bar(3, 4),)]) + paragraph("<b>"))
    assert ("progress", {"value": "3", "max": "4", "aria-hidden": "true"}) in tags
    assert [tag for tag, _ in tags] == ["table", "thead", "tr", "th", "tbody", "tr", "td", "progress", "p"]
