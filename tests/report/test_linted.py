"""The page of findings about a corpus."""

from __future__ import annotations

from fairprune.corpus.lint import Finding, Linted
from fairprune.report.linted import MARK, body, page, summary

FOUND = Finding("wrong-change", "unfair", "p_q", ("p_q/1", "p_q/2"), ("table 1 | <b>", "row 2"), "+0.38, but 0.24 *")


def test_summary() -> None:
    assert summary(Linted(4299, 88, ())) == "4,299 results of 88 papers: no findings."
    note = Finding("x", "note", "p", ("p/1",), ("row",), "text")
    assert summary(Linted(1, 1, (FOUND, FOUND, note))) == "1 result of 1 paper: 2 unfair, 1 note."


def test_findings_are_escaped() -> None:
    lines = body(Linted(2, 1, (FOUND,))).splitlines()
    assert lines[-1] == (
        r"| unfair | wrong-change | p\_q | p\_q/1, p\_q/2 | table 1 \| &lt;b&gt;; row 2 | +0.38, but 0.24 \* |"
    )
    assert body(Linted(2, 1, ())) == "2 results of 1 paper: no findings.\n"


def test_what_stands_above_is_kept() -> None:
    first = page(Linted(2, 1, (FOUND,)))
    assert first.startswith("# What the linter says of published results\n\n<!--")
    written = f"# Mine\n\nBy hand.\n\n{MARK}\n\nold findings\n"
    assert page(Linted(2, 1, ()), written) == f"# Mine\n\nBy hand.\n\n{MARK}\n\n2 results of 1 paper: no findings.\n"
    assert page(Linted(2, 1, (FOUND,)), first) == first
    assert page(Linted(2, 1, ()), "something else").startswith("# What")
