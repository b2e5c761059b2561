"""What the linter says about rows in print, and the rules that say it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from fairprune.audit.finding import Severity
from fairprune.audit.lint.table import Entry, Table

Said = tuple[Sequence[Entry], str]  # the rows, the one in question first, and the text


@dataclass(frozen=True)
class Finding:
    """What one rule says about some rows; `line` is that of the first of them (in JSON: its place in the list)."""

    rule: str
    severity: Severity
    line: int
    ids: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Case:
    """An example in words and as a table."""

    text: str
    table: Table


@dataclass(frozen=True)
class Rule:
    """One rule: why it exists, how it is checked, and an example of each outcome."""

    id: str
    severity: Severity
    reason: str
    check: Callable[[Table], Iterable[Said]]
    violation: Case
    passing: Case

    def findings(self, table: Table) -> tuple[Finding, ...]:
        """What the rule says about the table."""
        return tuple(
            Finding(self.id, self.severity, rows[0].line, tuple(row.id for row in rows), text)
            for rows, text in self.check(table)
        )
