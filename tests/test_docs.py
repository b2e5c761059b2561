"""The documentation is true: its examples run, its links lead somewhere, and so do the examples in docstrings."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import fairprune
from fairprune.cli import main
from fairprune.study import parse_study

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STUDY = re.compile(r"^```toml\n(# \w+\.toml\n.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = re.compile(r"^```(?:(python)\n(.*?)|console\n(\$ .*?))^```$", re.MULTILINE | re.DOTALL)  # what is executed
TYPED = re.compile(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)  # a command, and what it printed
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
FILE = re.compile(r"# (\w+\.(?:py|toml))\n")  # the first line of an example that is a file of the reader's own
MODULES = [found.name for found in pkgutil.walk_packages(fairprune.__path__, "fairprune.")]


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _write_files(text: str, folder: Path) -> None:
    """The page's blocks that are files of the reader's own."""
    for block in [*PYTHON.findall(text), *STUDY.findall(text)]:
        if title := FILE.match(block):
            (folder / title[1]).write_text(block)


def _run(text: str, source: str, folder: Path, typed: Callable[[str, str], None]) -> int:
    """Run the page's blocks in order, Python as one script; returns how many there were."""
    names: dict[str, object] = {"__name__": "__main__"}
    _write_files(text, folder)
    for number, (python, block, console) in enumerate(RUN.findall(text), 1):
        if python:
            exec(compile(block, f"{source}, example {number}", "exec"), names)
        for command, shown in TYPED.findall(console):
            typed(command, shown)
    return len(RUN.findall(text))


@pytest.mark.parametrize("page", [page for page in PAGES if RUN.search(page.read_text())], ids=_name)
def test_examples_run_and_print_what_is_shown(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`cat` shows a file, which it makes where there is none; `cp` copies; all else is `fairprune`, with one worker."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)

    def typed(command: str, shown: str) -> None:
        words = shlex.split(command)
        file = tmp_path / words[-1]
        if words[0] == "cat":
            printed = file.read_text() if file.exists() else shown
            file.write_text(printed)
        elif words[0] == "cp":
            printed = subprocess.run(words, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
        else:
            capsys.readouterr()
            monkeypatch.setattr(sys, "argv", words)
            with pytest.raises(SystemExit):
                main()
            printed = "".join(capsys.readouterr())
        assert _as_shown(printed, shown), printed

    assert _run(page.read_text(), _name(page), tmp_path, typed) > 0


def test_examples_fail_where_they_are_wrong(tmp_path: Path) -> None:
    page = "Text\n\n```python\n# mine.py\nx = 1\n```\n\n```sh\nnot python\n```\n\n```console\n$ a\nb\n```\n"
    page += "\n```python\nassert x == 2\n```\n"
    seen = []
    with pytest.raises(AssertionError) as caught:
        _run(page, "page", tmp_path, lambda *typed: seen.append(typed))
    assert str(caught.traceback[-1].path).endswith("page, example 3")
    assert (tmp_path / "mine.py").read_text() == "# mine.py\nx = 1\n"
    assert seen == [("a", "b\n")]


def _as_shown(printed: str, shown: str) -> bool:
    """Whether output is as shown, where a line of three dots stands for any lines."""
    lines = [line.rstrip() for line in printed.splitlines()]
    pattern = ".*".join(map(re.escape, re.split(r"^\.\.\.\n", shown, flags=re.MULTILINE)))
    text = "".join(f"{line}\n" for line in lines)
    return re.fullmatch(pattern, text, re.DOTALL) is not None


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
