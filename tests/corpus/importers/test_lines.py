from __future__ import annotations

import pytest

from fairprune.corpus.importers.lines import lines, text_line

TEXT = """\
who = "me"   # 1
[paper]
key = "p"
note = '''
[[tables]]
key = "none"
'''
[[ tables ]]  # the first
rows = '''a
b'''
[[tables]]
rows = '''
c
'''
list = [
  "x = 3",
]
"""


def test_lines_of_tables_and_keys() -> None:
    found = lines(TEXT, "f.toml")
    asked = [("", 0, "who"), ("paper", 0, ""), ("paper", 0, "key"), ("tables", 0, ""), ("tables", 0, "rows")]
    asked += [("tables", 1, ""), ("tables", 1, "rows"), ("tables", 1, "list")]
    assert [found.place(*each) for each in asked] == [f"f.toml, line {line}" for line in (1, 2, 3, 8, 9, 11, 12, 15)]
    assert found.place("tables", 1, "x") == "f.toml, line 11"
    assert found.place("methods", 4, "key") == "f.toml, line 1"
    assert ("tables", 0, "key") not in found.found


@pytest.mark.parametrize(
    ("line", "expected"), [("rows = '''a", 1), ("rows = '''", 2), ('rows = """', None), ("rows = 'a'", None)]
)
def test_where_a_text_begins(line: str, expected: int | None) -> None:
    assert text_line(line, 1) == expected
