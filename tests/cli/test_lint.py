"""`fairprune lint`: what it prints, and how it exits."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fairprune.cli import main

WRONG = "id,base_top1,top1,delta_top1\ngroup-bn,93.53,93.29,-0.24\ndepgraph,93.53,93.77,+0.38\n"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def lint(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Run the command on a text: its exit code, output and errors."""

    def lint(text: str, *arguments: str) -> tuple[int, str, str]:
        path = tmp_path / "table.csv"
        path.write_text(text)
        monkeypatch.setattr(sys, "argv", ["fairprune", "lint", str(path), *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    return lint


def test_json(lint: Command) -> None:
    code, out, _ = lint(WRONG, "--json")
    assert code == 0
    assert json.loads(out) == {
        "findings": [
            {
                "rule": "wrong-change",
                "line": 3,
                "ids": ["depgraph"],
                "text": "delta_top1 is +0.38, but 93.77 - 93.53 is +0.24 (the digits printed allow 0.23 to 0.25)",
            }
        ]
    }


def test_text(lint: Command) -> None:
    code, out, _ = lint(WRONG)
    assert code == 0
    assert all(word in out for word in ("unfair", "3", "depgraph", "wrong-change", "+0.38"))
    assert "group-bn" not in out


def test_nothing_found(lint: Command) -> None:
    right = WRONG.replace("0.38", "0.24")
    assert lint(right, "--fail-on", "note") == (0, "no findings\n", "")
    assert json.loads(lint(right, "--json")[1]) == {"findings": []}


@pytest.mark.parametrize(("fail_on", "expected"), [("never", 0), ("unfair", 0), ("caution", 1), ("note", 1)])
def test_fails_on_findings_as_severe(lint: Command, fail_on: str, expected: int) -> None:
    assert lint("id,seeds,top1_std\na,1,0.2\n", "--fail-on", fail_on)[0] == expected


def test_what_cannot_be_read(lint: Command) -> None:
    text = WRONG + "third,93.53,TBD,\n"
    code, out, err = lint(text)
    assert (code, out) == (2, "")
    assert err == (
        "error: table.csv, line 4, column top1: 'TBD': expected a number; a blank cell says that it is unknown; "
        "--keep-going reads the rest\n"
    )
    code, out, err = lint(text, "--keep-going", "--json")
    assert (code, [finding["line"] for finding in json.loads(out)["findings"]]) == (0, [3])
    assert err.startswith("left out: table.csv, line 4, column top1")
    assert lint(text.replace("0.38", "0.24"), "--keep-going", "--fail-on", "unfair")[0] == 1


def test_no_such_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["fairprune", "lint", "nowhere.csv"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert capsys.readouterr().err == "error: no file nowhere.csv\n"
