"""All rules of the linter, and the linter that runs them."""

from __future__ import annotations

from collections.abc import Sequence

from fairprune.audit.finding import SEVERITIES
from fairprune.audit.lint import changes, networks, ranges, ranks, runs
from fairprune.audit.lint.finding import Finding
from fairprune.audit.lint.table import Table

RULES = tuple(
    rule
    for severity in SEVERITIES
    for rule in (*changes.RULES, *networks.RULES, *ranges.RULES, *ranks.RULES, *runs.RULES)
    if rule.severity == severity
)


def lint(table: Table) -> Sequence[Finding]:
    """What every rule says about the table, worst first, and then by line."""
    order = list(SEVERITIES)
    findings = (finding for rule in RULES for finding in rule.findings(table))
    return sorted(findings, key=lambda finding: (order.index(finding.severity), finding.line))
