from __future__ import annotations

from pathlib import Path

import pytest

from fairprune.audit.lint import lint, read_table
from fairprune.audit.lint.table import table_of
from fairprune.errors import SpecError


def written(folder: Path, text: str, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def test_cells_keep_their_digits_and_rows_their_lines(tmp_path: Path) -> None:
    text = 'id,base_top1,top1,drop_top1,source\n\na,76.10,75.0,1.1,"two\nlines"\nb, 76.1 ,,,\n'
    table = read_table(written(tmp_path, "\ufeff" + text))
    assert table.problems == ()
    assert [(entry.line, entry.id) for entry in table.entries] == [(3, "a"), (5, "b")]
    first, second = table.entries
    assert (str(first.number("base_top1")), first.text("source")) == ("76.10", "two lines")
    assert [entry.number("base_top1").decimals for entry in table.entries] == [2, 1]
    assert second.number("top1") is None
    assert (second.kind, second.rank, second.seeds) == ("prune", None, None)


def test_json_numbers_and_their_places_in_the_list(tmp_path: Path) -> None:
    text = '[{"id": "a", "base_top1": 93.53, "top1": 93.77, "delta_top1": 0.38}, {"id": "b", "rank": 2}]'
    table = read_table(written(tmp_path, text, "t.json"))
    assert table.entries[1].rank == 2
    (finding,) = lint(table)
    assert (finding.rule, finding.line, finding.ids) == ("wrong-change", 1, ("a",))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("id,top1\na,TBD\nb,1\n", "t.csv, line 2, column top1: 'TBD': expected a number; a blank cell says that it is"),
        ("id,drop_top\na,1\n", "column drop_top: unknown column 'drop_top'; did you mean 'drop_top1'?"),
        (
            "id,top1\na,1,2\nb,3\n",
            "t.csv, line 2, column top1: 3 cells, expected 2; a cell that holds a separator needs",
        ),
        ("id,top1\na,1\na,2\n", "t.csv, line 3, column id: 'a' is the id of line 2 too"),
        ("id,rank\na,1.5\nb,1\n", "t.csv, line 2, column rank: '1.5': expected a whole number, 1 or more"),
        (
            "id,selected_on\na,best\nb,\n",
            "t.csv, line 2, column selected_on: unknown way to choose a checkpoint 'best'",
        ),
        ("id,top1\n,1\nb,2\n", "t.csv, line 2, column id: blank; expected a name for the row"),
    ],
)
def test_problems_are_named_and_the_rest_is_read(tmp_path: Path, text: str, problem: str) -> None:
    table = read_table(written(tmp_path, text))
    assert problem in str(table.problems[0])
    assert len(table.problems) == 1
    assert len(table.entries) == 1


@pytest.mark.parametrize("text", ["", "id,top1\n", "id,top1\na,x\n"])
def test_nothing_to_read(tmp_path: Path, text: str) -> None:
    with pytest.raises(SpecError, match="no results in"):
        read_table(written(tmp_path, text))


def test_what_no_rule_looks_at_may_be_anything(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "id,retrain_epochs,momentum\na,30 x layers,?\n"))
    assert table.problems == ()


def test_tables_within_a_file() -> None:
    rows = ({"group": "A", "source": "x"}, {"group": "A", "source": "y"}, {"source": "x"}, {"source": "x"}, {})
    table = table_of(*({"id": str(n), **row} for n, row in enumerate(rows)))
    assert [[entry.id for entry in board] for board in table.boards.values()] == [["0", "1"], ["2", "3"], ["4"]]


def test_base_sizes_are_those_of_the_network_in_the_table() -> None:
    rows = (
        {"id": "a", "macs_g_base": "0.398", "network": "VGG-19"},
        {"id": "b", "network": "vgg19"},
        {"id": "c", "network": "ResNet-56"},
        {"id": "d", "network": "ResNet-56", "group": "other", "macs_g_base": "0.1255"},
    )
    table = table_of(*rows)
    assert [str(table.base(entry, "macs_g_base")) for entry in table.entries] == ["0.398", "0.398", "None", "0.1255"]
    assert table.base(table.entries[0], "params_m_base") is None
