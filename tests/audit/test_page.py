from __future__ import annotations

from pathlib import Path

from fairprune.audit import RULES, page
from fairprune.audit.columns import COLUMNS
from fairprune.audit.coverage import COVERAGE, LINTER
from fairprune.audit.lint import RULES as LINT_RULES


def test_the_committed_page_is_up_to_date() -> None:
    committed = Path(__file__).parents[2] / "docs" / "audit-rules.md"
    assert committed.read_text(encoding="utf-8") == page.text()


def test_every_column_is_explained_where_files_are() -> None:
    text = (Path(__file__).parents[2] / "docs" / "audit-files.md").read_text(encoding="utf-8")
    for name, column in COLUMNS.items():
        assert f"| `{name}` | {column.meaning} |" in text


def test_every_rule_is_asked_for_and_every_item_has_a_rule() -> None:
    named = {rule for items in COVERAGE.values() for rules in items.values() for rule in rules}
    own = {rule for rule in named if not rule.startswith(LINTER)}
    assert own == {rule.id for rule in RULES}
    assert {rule.removeprefix(LINTER) for rule in named - own} <= {rule.id for rule in LINT_RULES}
    assert all(rules for items in COVERAGE.values() for rules in items.values())


def test_every_rule_is_on_the_page() -> None:
    text = page.text()
    for rule in RULES:
        assert f"\n## {rule.id}\n" in text
        assert f"[{rule.id}](#{rule.id.replace('.', '')})" in text
        assert rule.violation.text in text
        assert rule.passing.text in text
