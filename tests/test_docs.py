"""The documentation is true: its examples run, its links lead somewhere, and so do the examples in docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import tomllib
from pathlib import Path

import pytest

import fairprune
from fairprune.study import parse_study

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STUDY = re.compile(r"^```toml\n# \w+\.toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
FILE = re.compile(r"# (\w+\.py)\n")  # the first line of an example that is a file of the reader's own
MODULES = [found.name for found in pkgutil.walk_packages(fairprune.__path__, "fairprune.")]


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _run(text: str, source: str, folder: Path) -> int:
    """Run the page's Python blocks in order, as one script; returns how many there were."""
    names: dict[str, object] = {"__name__": "__main__"}
    for number, block in enumerate(FENCE.findall(text), 1):
        if title := FILE.match(block):
            (folder / title[1]).write_text(block)
        exec(compile(block, f"{source}, example {number}", "exec"), names)
    return len(FENCE.findall(text))


@pytest.mark.parametrize("page", [page for page in PAGES if FENCE.search(page.read_text())], ids=_name)
def test_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert _run(page.read_text(), _name(page), tmp_path) > 0


def test_examples_fail_where_they_are_wrong(tmp_path: Path) -> None:
    page = "Text\n\n```python\n# mine.py\nx = 1\n```\n\n```sh\nnot python\n```\n\n```python\nassert x == 2\n```\n"
    with pytest.raises(AssertionError) as caught:
        _run(page, "page", tmp_path)
    assert str(caught.traceback[-1].path).endswith("page, example 2")
    assert (tmp_path / "mine.py").read_text() == "# mine.py\nx = 1\n"


@pytest.mark.parametrize("page", [page for page in PAGES if STUDY.search(page.read_text())], ids=_name)
def test_studies_are_valid(page: Path) -> None:
    for text in STUDY.findall(page.read_text()):
        parse_study(tomllib.loads(text))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = [target for target in LINK.findall(page.read_text()) if not re.match(r"[a-z]+:", target)]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_docstring_examples_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_docstring_examples_are_found() -> None:
    assert doctest.testmod(importlib.import_module("fairprune.canonical")).attempted == 1
