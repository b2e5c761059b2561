"""`fairprune corpus figures`: the files it writes, the data it prints, what it refuses."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from fairprune.cli import main
from fairprune.report.literature.figures import FIGURES

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Run the command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def draw(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fairprune", "corpus", "figures", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    return draw


def test_one_command_makes_a_page_and_a_file_for_each_figure(draw: Command, tmp_path: Path) -> None:
    code, out, _ = draw()
    folder = tmp_path / "corpus-figures"
    made = {path.name for path in folder.iterdir()}
    assert (code, made) == (0, {"index.html", *(f"{name}.svg" for name in FIGURES)})
    assert {Path(line).name for line in out.splitlines()} == made
    for name in FIGURES:
        root = ElementTree.parse(folder / f"{name}.svg").getroot()
        assert root.get("width") == "6.7500in"


def test_names_formats_width_and_folder(draw: Command, tmp_path: Path) -> None:
    code, _, _ = draw("points", "comparisons", "--format", "svg,pdf,png", "--width", "single", "-o", "here/there")
    made = {path.name: path for path in (tmp_path / "here/there").iterdir()}
    assert code == 0
    assert set(made) == {f"{name}.{form}" for name in ("points", "comparisons") for form in ("svg", "pdf", "png")}
    assert ElementTree.parse(made["points.svg"]).getroot().get("width") == "3.2500in"
    assert made["points.pdf"].read_bytes().startswith(b"%PDF")


def test_json_is_what_is_shown_and_writes_nothing(draw: Command, tmp_path: Path) -> None:
    code, out, _ = draw("comparisons", "--json")
    (found,) = json.loads(out)
    bars = found["panels"][0]["series"][0]["points"]
    assert (code, found["name"]) == (0, "comparisons")
    assert [(bar["x"], bar["y"]) for bar in bars[:2]] == [(0, 21), (1, 22)]
    assert list(tmp_path.iterdir()) == []


def test_all_counts_every_paper(draw: Command) -> None:
    _, some, _ = draw("comparisons", "--json")
    _, every, _ = draw("comparisons", "--json", "--all")
    papers = [sum(bar["y"] for bar in json.loads(out)[0]["panels"][0]["series"][0]["points"]) for out in (some, every)]
    assert papers[0] == 81 < papers[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("point",), "unknown figure 'point'; did you mean 'points'?"),
        (("--format", "gif"), "unknown format 'gif'"),
        (("--format", ""), "unknown format ''"),
        (("--width", "wide"), "--width 'wide': expected single, double, or inches from 2 to 60"),
        (("--width", "nan"), "--width 'nan'"),
        (("--origin", "blalock"), "unknown origin 'blalock'; did you mean 'blalock-2020'?"),
        (("--corpus", "nowhere"), "no corpus in nowhere"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    draw: Command, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = draw(*arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_pdf_is_refused_and_nothing_is_written(
    draw: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    code, _, err = draw("points", "--format", "svg,pdf")
    assert code == 2
    assert "pip install fairprune[figures]" in err
    assert list(tmp_path.iterdir()) == []
