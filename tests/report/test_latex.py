from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from fairprune.report import latex
from fairprune.summary import Rank, Ranking, summarise

METHODS = {"random-weight": ("weight", 6.0), "magnitude": ("weight", 0.5), "gradient_weight": ("weight", 3.0)}
SIGNS = "backslash asciitilde asciicircum bar greater less quotedbl"
HOSTILE = '[2em] magnitude-100%_{a}$\\input{/etc/passwd}~^#&<|>"\N{SNOWMAN}\n'


def rows(text: str) -> list[list[str]]:
    return [line.removesuffix(r" \\").split(" & ") for line in text.splitlines() if line.endswith(r" \\")]


def ranked(made, *ranks: tuple[str, int, int]):
    """The study with a ranking at 4x."""
    summary = summarise(*_fields(made))
    found = Ranking(
        target="compression 4x", amount=4, granularity="weight", setup="S3.2", tau=0.05, around="magnitude",
        ranks=tuple(Rank(method=method, best=best, worst=worst) for method, best, worst in ranks), beside=(), reason="",
    )  # fmt: skip
    return summary.model_copy(update={"panels": (summary.panels[0].model_copy(update={"rankings": (found,)}),)})


def test_every_cell_has_a_row_and_what_ranks_first_alone_is_bold(synthetic):
    text = latex.table(
        ranked(synthetic(METHODS), ("magnitude", 1, 1), ("gradient_weight", 2, 3), ("random-weight", 2, 3))
    )
    head, *body = rows(text)
    assert len(body) == 2 + 3 * 4
    assert {len(row) for row in [head, *body]} == {8}
    (bold,) = [row for row in body if any(r"\textbf{" in cell for cell in row)]
    assert (bold[1], bold[6]) == ("4x", "1")
    assert bold[4].startswith(r"\textbf{")
    assert body[2:].index(bold) == [row[0] for row in body[2:]].index("magnitude") + 1


def test_nothing_is_bold_where_first_is_not_separated_or_alone_in_its_class(synthetic):
    made = synthetic(METHODS)
    shared = ranked(made, ("magnitude", 1, 2), ("gradient_weight", 1, 2), ("random-weight", 3, 3))
    assert r"\textbf" not in latex.table(shared)
    assert r"\textbf" not in latex.table(ranked(made, ("magnitude", 1, 1)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b & 50%", r"a\_b \& 50\%"),
        ("\N{MINUS SIGN}1 [a, b]", "$-$1 [a, b]"),
        ("1\N{EN DASH}3", "1--3"),
        (r"\x", r"\textbackslash{}x"),
        ("\N{SNOWMAN}\n\u00e9", "? \u00e9"),
    ],
)
def test_text_is_taken_literally(text, expected):
    assert latex.escaped(text) == expected


def test_hostile_names_are_harmless(synthetic):
    text = latex.table(summarise(*_fields(synthetic({HOSTILE: ("weight", 1.0)}))))
    commands = set(re.findall(r"\\([a-zA-Z]+)", text))
    assert "input" not in commands
    assert not re.search(r"^[\[*]", text, re.MULTILINE)  # it would belong to what ends the line before
    ours = "addlinespace begin bottomrule caption centering end footnotesize midrule setlength tabcolsep toprule"
    assert commands <= {"usepackage", *ours.split(), *(f"text{name}" for name in SIGNS.split())}


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex")
def test_it_compiles(synthetic, tmp_path):
    text = latex.table(summarise(*_fields(synthetic(METHODS | {HOSTILE: ("weight", 1.0)}))))
    page = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs}\begin{document}" + text
    (tmp_path / "t.tex").write_text(page + r"\end{document}")
    done = subprocess.run(["pdflatex", "-halt-on-error", "t.tex"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-800:]


def _fields(made):
    return made.study, made.points, made.records


def test_a_table_longer_than_a_page_goes_on_in_another(synthetic):
    methods = {f"magnitude-{n:02}": ("weight", 0.5) for n in range(30)}
    made = synthetic(methods, targets=[2, 4, 8], seeds=[0])
    one, two, _ = latex.table(summarise(*_fields(made))).split(r"\end{table*}")[:3]
    lines = [[line for line in part.splitlines() if line.endswith(r" \\")][1:] for part in (one, two)]
    assert [len(part) for part in lines] == [2 + 12 * 3, 13 * 3]
    assert lines[1][0].startswith("magnitude-12 & 2x")
    assert "continued." in two
    assert "continued." not in one
    assert r"\addlinespace" + "\n" + r"\bottomrule" not in one
    single = synthetic(methods | {f"magnitude-{n}": ("weight", 0.5) for n in range(30, 70)}, targets=[2], seeds=[0])
    parts = latex.table(summarise(*_fields(single))).split(r"\end{table*}")[:-1]
    assert [len([line for line in part.splitlines() if line.endswith(r" \\")]) - 1 for part in parts] == [2 + 49, 21]
