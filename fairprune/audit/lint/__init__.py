"""The linter: numbers in published tables of pruning results that cannot be right. It runs no network."""

from fairprune.audit.lint.finding import Finding, Rule
from fairprune.audit.lint.rules import RULES, lint
from fairprune.audit.lint.table import COLUMNS, Entry, Table, read_table

__all__ = ["COLUMNS", "RULES", "Entry", "Finding", "Rule", "Table", "lint", "read_table"]
