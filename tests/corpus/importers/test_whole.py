"""What is read as a whole is what is read row by row; and whatever has no fault is read as a whole."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import event, given
from hypothesis.strategies import DrawFn, booleans, composite, lists, permutations, sampled_from
from polars.testing import assert_frame_equal

from fairprune.audit.rows import Problem, Row
from fairprune.corpus.check import Fault
from fairprune.corpus.importers import whole as module
from fairprune.corpus.importers.document import part_of
from fairprune.corpus.importers.typed import COLUMNS, Entry, Rows, entries
from fairprune.corpus.importers.whole import whole
from fairprune.corpus.naming import naming
from fairprune.corpus.tables import Part, merged, nothing

NAMES = naming(
    merged(
        nothing(),
        Part(
            "known",
            {
                "methods": [{"key": "l1", "name": "L1-norm", "aliases": ["L1"]}, {"key": "thinet", "name": "ThiNet"}],
                "networks": [{"key": "resnet-56", "name": "ResNet-56"}],
                "datasets": [{"key": "cifar-10", "name": "CIFAR-10"}],
            },
        ),
    )
)
SCHEDULES = ("none", "constant:1e-3 total:20", "halving:1e-1->1e-3 total:8", "0:1e-2,4:1e-3 total:8")
SIZES = ("0", "0.85", "1.7", "1e-300", "1e300")  # whose ratios may be nothing, or too large
GOOD = {
    **dict.fromkeys(COLUMNS, ("1", "2", "2 ", "1e1", "3.5")),
    **dict.fromkeys(("pretrain_schedule", "prune_schedule", "retrain_schedule"), SCHEDULES),
    **dict.fromkeys(("pretrain_epochs", "prune_epochs", "retrain_epochs"), ("0", "8", "20")),
    **dict.fromkeys(("params_m", "base_params_m", "params_m_base", "flops_g", "base_flops_g", "macs_g_base"), SIZES),
    **dict.fromkeys(("calibration", "tuning_trials", "batch_size", "seeds", "replicate"), ("1", "2", "3")),
    **dict.fromkeys(("variant", "setting", "corrected", "allocation", "optimizer", "base_checkpoint"), ("A", "b  c")),
    **dict.fromkeys(("spare", "augmentation"), ("none", ",", "- ,", "flip pad-crop:4", "Flip,pad-crop:4")),
    "id": ("a", "b", "A b", "---"),
    "source": ("table 1", "Table  1", "figure 2", "?"),
    "paper": ("li-2017", "luo-2017"),
    "key": ("k1", "k2", "k3"),
    "method": ("L1", "thinet", "l1 norm"),
    "network": ("resnet56", "ResNet-56"),
    "dataset": ("cifar10", "CIFAR-10"),
    "kind": ("prune", "prune", "scratch", "dense"),
    "granularity": ("channel", "weight"),
    "selected_on": ("last", "test"),
    "flops_unit": ("macs", "2x macs"),
    "momentum": ("0", "0.9"),
}
BAD = ("?", "n/a", "-1", "0.5", "101", "nonsense", "a\x01", "\udcff", "1e999")
GROUPS = (  # of columns that have to do with each other
    ("kind", "compression", "params_m", "base_params_m", "kept_params_pct"),
    ("kind", "speedup", "flops_g", "base_flops_g", "macs_g_base", "flops_unit"),
    ("kind", "pretrain_schedule", "pretrain_epochs", "prune_epochs"),
    ("retrain_schedule", "retrain_epochs", "spare", "augmentation"),
    ("paper", "key", "replicate", "method"),
    tuple(column for column in COLUMNS if column not in ("id", "source")),
)


@composite
def tables(draw: DrawFn) -> tuple[list[Row | Problem], str]:
    """Rows with some columns, of which at most a few are wrong, and the paper that they are of."""
    group = draw(sampled_from(GROUPS))
    columns = draw(permutations(("id", "source", *draw(lists(sampled_from(group), unique=True, max_size=5)))))
    wrong = draw(sampled_from(("nothing", "nothing", "nothing", "cell", "id", "source", "row", "keys", "paper")))
    rows: list[Row | Problem] = []
    for number in range(draw(sampled_from((0, 1, 2, 3, 4, 5)))):
        cells = {column: draw(sampled_from((*GOOD[column], *GOOD[column], " "))) for column in columns}
        if wrong != "id":
            cells["id"] = draw(sampled_from((f" {number} ", f"A {number}", f"é{number}", "", "---")))
        if wrong != "source":
            cells["source"] = draw(sampled_from(("table 1", "Table  1", "figure 2", "?")))
        if wrong == "cell" and draw(booleans()):
            cells[draw(sampled_from(columns))] = draw(sampled_from(BAD))
        if wrong == "keys":
            cells = {column: cells[column] for column in draw(lists(sampled_from(columns), unique=True))}
        rows.append(Row(number, f"f.csv, line {number}", cells))
    return rows + [Problem("f.csv, line 99", None, "no row")] * (wrong == "row"), "a\x01" if wrong == "paper" else "p"


def by_rows(rows: list[Row | Problem], paper: str) -> tuple[list[Entry], list[Fault]]:
    found = list(entries([Rows(rows, {"paper": paper}, lambda _: "above", "us")], NAMES))
    return [each for each in found if isinstance(each, Entry)], [each for each in found if isinstance(each, Fault)]


def agree(rows: list[Row | Problem], paper: str) -> bool:
    """Whether rows are read as a whole, and then as they are row by row."""
    found = whole(rows, paper, NAMES, "us")
    expected, faults = by_rows(rows, paper)
    assert (found is None) == bool(faults or not rows)
    if found:
        frame, places = found
        assert_frame_equal(Part("o", {"results": frame}).frames["results"], part_of("o", expected).frames["results"])
        assert places == [entry.place for entry in expected]
    return found is not None


@given(tables(), sampled_from((2, 100)))
def test_it_is_read_as_row_by_row(table: tuple[list[Row | Problem], str], at_once: int) -> None:
    with patch.object(module, "_ROWS", at_once), patch.object(module, "_TEXTS", at_once):
        event(f"as a whole: {agree(*table)}")


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        ({"kind": "dense", "compression": "1"}, True),
        ({"kind": "dense", "compression": "2"}, False),
        ({"kind": "dense", "base_params_m": "2", "params_m": "1"}, False),
        ({"kind": "dense", "base_params_m": "2", "params_m": "0"}, True),
        ({"base_flops_g": "1e300", "flops_g": "1e-300"}, False),  # a ratio beyond floats
        ({"base_flops_g": "1e-300", "flops_g": "1e300"}, False),
        ({"base_flops_g": "1e300", "flops_g": "1e-300", "speedup": "2"}, True),
        ({"replicate": "0"}, True),
        ({"key": "k"}, True),
        ({"spare": "- ,"}, False),  # the list of a dash, which by itself stands for nothing
        ({"retrain_schedule": "constant:1e-3 total:8", "retrain_epochs": "9"}, False),
        ({"kind": "scratch", "retrain_epochs": "9"}, False),
        ({"macs_g_base": "1", "flops_unit": "macs"}, True),
        ({"macs_g_base": "1", "flops_unit": "2x macs"}, False),
        ({"kept_params_pct": "50", "compression": "2"}, True),
        ({"kept_params_pct": "50", "compression": "3"}, False),
    ],
)
def test_what_a_row_says_of_itself(cells: dict[str, str], read: bool) -> None:
    rows: list[Row | Problem] = [Row(1, "line 1", {"id": "a", "source": "s", **cells})]
    assert agree([*rows, Row(2, "line 2", {"id": "b", "source": "s"})], "p") == read
