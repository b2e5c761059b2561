from __future__ import annotations

from pathlib import Path

from fairprune.audit.lint import COLUMNS, RULES, page


def test_the_committed_page_is_up_to_date() -> None:
    committed = Path(__file__).parents[3] / "docs" / "lint-rules.md"
    assert committed.read_text(encoding="utf-8") == page.text()


def test_every_rule_and_column_is_on_the_page() -> None:
    text = page.text()
    for rule in RULES:
        assert f"\n## {rule.id}\n" in text
        assert f"[{rule.id}](#{rule.id})" in text
        assert rule.violation.text in text
        assert rule.passing.text in text
    assert all(f"`{column}`" in text for column in COLUMNS)
