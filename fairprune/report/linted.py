"""What the linter says of a corpus, as a page: a head written by hand, and the findings below it."""

from __future__ import annotations

from collections import Counter

from fairprune.audit.finding import SEVERITIES
from fairprune.corpus.lint import Linted
from fairprune.report import words
from fairprune.report.markdown import grid, plain

MARK = "<!-- Written by `fairprune corpus lint -o FILE`; what stands above this line is kept. -->"
_HEAD = "# What the linter says of published results\n"


def page(linted: Linted, before: str = "") -> str:
    """The page; of what it was `before`, all that stands above the generated part is kept."""
    head, mark, _ = before.partition(MARK)
    return f"{(head if mark else _HEAD).rstrip()}\n\n{MARK}\n\n{body(linted)}"


def body(linted: Linted) -> str:
    """The generated part: how much was checked, and every finding."""
    titles = ["severity", "rule", "paper", "results", "printed in", "finding"]
    lines = [
        [f.severity, f.rule, f.paper, ", ".join(f.keys), "; ".join(f.sources), f.text]  # the worst first
        for f in linted.findings
    ]
    table = grid(titles, "llllll", [[plain(cell) for cell in line] for line in lines])
    return f"{summary(linted)}\n" + (f"\n{table}" if lines else "")


def summary(linted: Linted) -> str:
    """`4,299 results of 88 papers: 1 unfair, 4 caution.`"""
    counted = Counter(finding.severity for finding in linted.findings)
    said = ", ".join(f"{counted[severity]} {severity}" for severity in SEVERITIES if counted[severity])
    return f"{words.plural(linted.rows, 'result')} of {words.plural(linted.papers, 'paper')}: {said or 'no findings'}."
