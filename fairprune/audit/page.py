"""The page that documents the rules, generated from them: docs/audit-rules.md."""

from __future__ import annotations

from collections.abc import Iterator

from fairprune.audit.coverage import COVERAGE, LINTER
from fairprune.audit.finding import SEVERITIES, Rule
from fairprune.audit.rules import RULES

_HEAD = """\
# Rules of the audit

Generated from the rules by `fairprune.audit.page.text()`; edit those.

A finding has a rule, a severity, the results it is about, and a text. Severities, worst first:
"""


def text() -> str:
    """The page, as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD
    yield from (f"- **{severity}**: {meaning}" for severity, meaning in SEVERITIES.items())
    yield "\n| rule | severity | why |\n|---|---|---|"
    yield from (f"| {_link(rule.id)} | {rule.severity} | {rule.reason} |" for rule in RULES)
    yield "\n## What asks for them"
    for source, items in COVERAGE.items():
        yield f"\n{source}:\n"
        yield from (f"- {item}: {', '.join(map(_link, ids))}" for item, ids in items.items())
    for rule in RULES:
        yield from _section(rule)


def _link(rule: str) -> str:
    page, name = ("lint-rules.md", rule.removeprefix(LINTER)) if rule.startswith(LINTER) else ("", rule)
    return f"[{name}]({page}#{name.replace('.', '')})"


def _section(rule: Rule) -> Iterator[str]:
    yield f"\n## {rule.id}\n\n*{rule.severity}.* {rule.reason}\n"
    yield f"Violation: {rule.violation.text}\n"
    yield from (f"> {finding.text}\n" for finding in rule.findings(rule.violation.evidence))
    yield f"Pass: {rule.passing.text}"
