"""The linter over a corpus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from fairprune.corpus.lint import NEEDED, Finding, lint
from fairprune.corpus.tables import Corpus, load, nothing
from fairprune.report.linted import page

ROOT = Path(__file__).parents[2]


def row(number: int, paper: str = "p", **values: Any) -> Mapping[str, Any]:
    where = {"source": f"table 1, row {number}", "transcribed_by": "us", "network": "resnet", "dataset": "cifar"}
    return {"key": f"{paper}/{number}", "paper": paper, "kind": "prune", "method": "m", **where, **values}


@pytest.fixture
def wrong(corpus_of: Callable[..., Corpus]) -> Corpus:
    """A drop that is none, and a base unlike the others of its table; another paper has it so throughout."""
    shared = {"flops_unit": "macs", "base_flops_g": 0.398}
    return corpus_of(
        methods=[{"key": "m", "name": "Method"}],
        networks=[{"key": "resnet", "name": "A network"}],
        datasets=[{"key": "cifar", "name": "CIFAR-10"}],
        results=[
            row(1, base_top1=93.53, top1=93.77, top1_change=0.38),
            row(2, base_top1=93.53, top1=93.77, top1_change=0.24),
            row(3, **shared),
            row(4, **shared),
            row(5, **shared | {"base_flops_g": 0.511}),
            row(6, "q", **shared | {"base_flops_g": 0.511}),
        ],
    )


def test_findings_name_paper_source_and_key(wrong: Corpus) -> None:
    found = lint(wrong)
    assert (found.rows, found.papers) == (6, 2)
    text = "macs_g_base is 0.511; most rows beside it: macs_g_base is 0.398"
    assert found.findings[0] == Finding("another-base", "unfair", "p", ("p/5",), ("table 1, row 5",), text)
    assert [(f.rule, f.keys) for f in found.findings[1:]] == [("wrong-change", ("p/1",))]
    assert "+0.24" in found.findings[1].text


def test_some_of_the_results(wrong: Corpus) -> None:
    some = lint(wrong, wrong["results"].filter(paper="q"))
    assert (some.rows, some.papers, some.findings) == (1, 1, ())
    assert lint(nothing()).rows == 0


def test_the_committed_page_is_what_the_command_gives() -> None:
    committed = (ROOT / "docs" / "results" / "corpus-lint.md").read_text(encoding="utf-8")
    found = lint(load(only=NEEDED))
    assert page(found, committed) == committed
    for finding in found.findings:  # each was looked at by hand
        head, _, _ = committed.partition("<!--")
        paper, number = finding.keys[0].split("/")
        assert f"| {paper}/{number}" in head
