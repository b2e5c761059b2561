"""The page that documents the rules, generated from them: docs/audit-rules.md."""

from __future__ import annotations

from collections.abc import Iterator

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
    yield from (f"| [{rule.id}](#{rule.id.replace('.', '')}) | {rule.severity} | {rule.reason} |" for rule in RULES)
    for rule in RULES:
        yield from _section(rule)


def _section(rule: Rule) -> Iterator[str]:
    yield f"\n## {rule.id}\n\n*{rule.severity}.* {rule.reason}\n"
    yield f"Violation: {rule.violation.text}\n"
    yield from (f"> {finding.text}\n" for finding in rule.findings(rule.violation.evidence))
    yield f"Pass: {rule.passing.text}"
