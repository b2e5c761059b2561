"""The page that documents the linter, generated from its columns and rules: docs/lint-rules.md."""

from __future__ import annotations

from collections.abc import Iterator

from fairprune.audit.columns import COLUMNS
from fairprune.audit.finding import SEVERITIES
from fairprune.audit.lint.finding import Rule
from fairprune.audit.lint.rules import RULES
from fairprune.audit.lint.table import MEANINGS

_HEAD = """\
# Rules of the linter

Generated from the rules by `fairprune.audit.lint.page.text()`; edit those.

`fairprune lint FILE.csv` reads a table of results as it is printed, one row a line, and says which numbers cannot be
right. A printed number stands for all that round to it: half a unit of its last place to either side, carried through
all arithmetic, and exactly. So write numbers with the digits that are in print (`76.10`, not `76.1`). `%` behind a
percentage and `x` behind a factor may stay. A cell that is not in print is blank. With `--json` the same as
`{"findings": [{"rule", "line", "ids", "text"}]}`; `line` is that of the first result in `ids`.

Columns are those of `fairprune audit FILE.csv`:
"""
_MORE = """
There, a compression or speedup below 1 is an error; here it is a finding. Schedules and what else no rule looks at are
not read. And there are these:
"""
_SIGNS = """
`drop_top1` and `delta_top1` may have the other sign throughout a table, if most rows with both accuracies say so: then
the others are the odd ones. One such row is enough only if it is a loss, and most others in the column have its sign.
A table is what shares a `group` or, where that is blank, a `source`. Ranks may start anew within a table.

Severities, worst first:
"""


def text() -> str:
    """The page, as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD + ", ".join(f"`{name}`" for name in COLUMNS) + "."
    yield _MORE
    yield "| column | meaning |\n|---|---|"
    yield from (f"| `{name}` | {meaning} |" for name, meaning in MEANINGS.items())
    yield _SIGNS
    yield from (f"- **{severity}**: {meaning}" for severity, meaning in SEVERITIES.items())
    yield "\n| rule | severity | why |\n|---|---|---|"
    yield from (f"| [{rule.id}](#{rule.id}) | {rule.severity} | {rule.reason} |" for rule in RULES)
    for rule in RULES:
        yield from _section(rule)


def _section(rule: Rule) -> Iterator[str]:
    yield f"\n## {rule.id}\n\n*{rule.severity}.* {rule.reason}\n"
    yield f"Violation: {rule.violation.text}\n"
    yield from (f"> {finding.text}\n" for finding in rule.findings(rule.violation.table))
    yield f"Pass: {rule.passing.text}"
