"""`fairprune corpus lint`: what it prints, and how it exits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fairprune.corpus.tables import Part, merged, nothing, save

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def lint(fairprune: Command, tmp_path: Path) -> Command:
    """Run the command on a corpus of two origins, of which one has an error."""
    where = {"paper": "p", "source": "table 1", "transcribed_by": "us", "kind": "prune"}
    wrong = {**where, "key": "p/1", "base_top1": 93.53, "top1": 93.77, "top1_change": 0.38}
    corpus = merged(nothing(), Part("bad", {"results": [wrong]}))
    save(merged(corpus, Part("good", {"results": [{**where, "key": "p/2", "top1": 93.0}]})), tmp_path / "corpus")
    return lambda *arguments: fairprune("corpus", "lint", "--corpus", tmp_path / "corpus", *arguments)


def test_json(lint: Command) -> None:
    code, out, _ = lint("--json")
    found = json.loads(out)
    assert (code, found["rows"], found["papers"]) == (0, 2, 1)
    (finding,) = found["findings"]
    assert finding["rule"] == "wrong-change"
    assert (finding["paper"], finding["keys"], finding["sources"]) == ("p", ["p/1"], ["table 1"])


def test_text_and_exit(lint: Command) -> None:
    code, out, _ = lint("--fail-on", "unfair")
    assert code == 1
    assert "p/1" in out
    assert "2 results of 1 paper: 1 unfair." in out
    assert lint("--origin", "good", "--fail-on", "note")[:2] == (0, "1 result of 1 paper: no findings.\n")


def test_a_page(lint: Command, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    lint("-o", str(page))
    page.write_text(page.read_text().replace("# What", "# By hand: what"))
    lint("--origin", "good", "-o", str(page))
    assert page.read_text().startswith("# By hand: what")
    assert page.read_text().endswith("\n\n1 result of 1 paper: no findings.\n")


def test_refusals(lint: Command) -> None:
    assert "expected a name that ends in .md" in lint("-o", "page.html")[2]
    assert "unknown origin 'best'" in lint("--origin", "best")[2]
