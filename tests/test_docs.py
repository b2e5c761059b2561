"""The documentation is true: its examples run, its links lead somewhere, and so do the examples in docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest

import fairprune
from fairprune.cli import main
from fairprune.study import parse_study

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STUDY = re.compile(r"^```toml\n# \w+\.toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONSOLE = re.compile(r"^```console\n(\$ .*?)^```$", re.MULTILINE | re.DOTALL)
TYPED = re.compile(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)  # a command, and what it printed
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
FILE = re.compile(r"# (\w+\.py)\n")  # the first line of an example that is a file of the reader's own
MODULES = [found.name for found in pkgutil.walk_packages(fairprune.__path__, "fairprune.")]


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _write_files(text: str, folder: Path) -> None:
    """The page's Python blocks that are files of the reader's own."""
    for block in FENCE.findall(text):
        if title := FILE.match(block):
            (folder / title[1]).write_text(block)


def _run(text: str, source: str, folder: Path) -> int:
    """Run the page's Python blocks in order, as one script; returns how many there were."""
    names: dict[str, object] = {"__name__": "__main__"}
    _write_files(text, folder)
    for number, block in enumerate(FENCE.findall(text), 1):
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


def _as_shown(printed: str, shown: str) -> bool:
    """Whether output is as shown, where a line of three dots stands for any lines."""
    lines = [line.rstrip() for line in printed.splitlines()]
    pattern = ".*".join(map(re.escape, re.split(r"^\.\.\.\n", shown, flags=re.MULTILINE)))
    return re.fullmatch(pattern, "\n".join(lines) + "\n", re.DOTALL) is not None


@pytest.mark.parametrize("page", [page for page in PAGES if CONSOLE.search(page.read_text())], ids=_name)
def test_commands_print_what_is_shown(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`cat` shows a file of the reader's own, which it thereby makes, as Python blocks do; all else is `fairprune`."""
    monkeypatch.chdir(tmp_path)
    _write_files(page.read_text(), tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    for command, shown in TYPED.findall("".join(CONSOLE.findall(page.read_text()))):
        words = shlex.split(command)
        if words[0] == "cat":
            (tmp_path / words[1]).write_text(shown)
            continue
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit):
            main()
        printed = capsys.readouterr()
        assert _as_shown(printed.out + printed.err, shown), printed


@pytest.mark.parametrize(
    ("printed", "same"), [("a  \nb\nc\n", True), ("a\nc\n", True), ("a\n", False), ("b\nc\n", False), ("a\nb\n", False)]
)
def test_what_a_command_shows_is_compared(printed: str, same: bool) -> None:
    assert _as_shown(printed, "a\n...\nc\n") == same


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
    assert doctest.testmod(importlib.import_module("fairprune.canonical")).attempted == 2
