"""Rows of the corpus as what the linter reads."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairprune.audit.lint import Entry, Table
from fairprune.audit.lint import lint as check
from fairprune.corpus.importers.units import rate_from_kept, rounded
from fairprune.corpus.names import Names
from fairprune.corpus.printed import as_entry, number
from fairprune.corpus.schema import SCHEMA

NAMES = Names({"m": "Method"}, {"cifar-10": "CIFAR-10"}, {"resnet-56": "ResNet-56"})


def entry(**values: Any) -> Entry:
    row = dict.fromkeys(SCHEMA["results"])
    known = {"key": "p/1", "paper": "p", "source": "row 1", "kind": "prune", "method": "m"}
    return as_entry({**row, **known, "dataset": "cifar-10", "network": "resnet-56", **values}, NAMES, 1)


def texts(found: Entry) -> dict[str, str]:
    return {column: str(printed) for column, printed in found.numbers.items()}


@pytest.mark.parametrize(
    ("value", "text", "decimals"),
    [
        (2.0, "2", 0),
        (76.1, "76.1", 1),
        (100.0, "100", 0),
        (1e-05, "0.00001", 5),
        (-0.24, "-0.24", 2),
        (0.1 + 0.2, "0.3", 1),
    ],
)
def test_the_fewest_digits(value: float, text: str, decimals: int) -> None:
    found = number(value)
    assert (found.text, found.decimals, float(found.value)) == (text, decimals, pytest.approx(value))


def test_columns_and_texts() -> None:
    found = entry(base_top1=93.5, top1=93.0, top1_change=-0.5, top1_std=0.1, seeds=3, selected_on="test", variant="B")
    assert texts(found) == {"base_top1": "93.5", "top1": "93", "delta_top1": "-0.5", "top1_std": "0.1"}
    assert (found.id, found.seeds, found.selected_on, found.kind, found.board) == ("p/1", 3, "test", "prune", "p")
    assert (found.text("method"), found.text("network"), found.text("dataset")) == ("Method B", "ResNet-56", "CIFAR-10")


@pytest.mark.parametrize(
    ("source", "board"),
    [("table 2, row 1", "p, table 2"), ("results.csv row 7, Figure 5b (read off)", "p, figure 5b"), ("text", "p")],
)
def test_a_table_is_the_one_that_is_named(source: str, board: str) -> None:
    assert entry(source=source).board == board


def test_operations_in_their_unit() -> None:
    found = entry(base_flops_g=0.25, flops_g=0.1, flops_unit="2x macs")
    assert texts(found) == {"macs_g_base": "0.25/2", "macs_g": "0.1/2"}
    assert found.numbers["macs_g_base"].value == Fraction(1, 8)
    assert found.numbers["macs_g_base"].interval.low <= Fraction("0.1225")  # 0.245 halved: no finer than printed
    known = entry(base_flops_g=0.1255, flops_unit="macs")
    unknown = entry(base_flops_g=0.25, flops_unit=None)
    assert (known.text("network"), texts(known)) == ("ResNet-56", {"macs_g_base": "0.1255"})
    assert unknown.text("network") == "ResNet-56, unit of operations unknown"
    assert entry(base_params_m=0.85).text("network") == "ResNet-56"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"compression": 2.12}, {"compression": "2.12"}),
        ({"compression": rounded(100 / 24)}, {"params_kept_pct": "24"}),
        ({"compression": 100 / 68.86}, {"params_kept_pct": "68.86"}),
        ({"speedup": rounded(100 / 57.8)}, {"macs_kept_pct": "57.8"}),
        ({"compression": 5.0}, {"compression": "5"}),  # 20 % says more: 4.5 to 5.5 keep 18 to 22 %
        ({"compression": 8.232233}, {"compression": "8.232233"}),
        ({"compression": rounded(61 / 4.02), "base_params_m": 61.0, "params_m": 4.02}, {}),  # what its sizes say
        ({"compression": 15.0, "base_params_m": 61.0, "params_m": 4.02}, {"compression": "15"}),
    ],
)
def test_rates_as_they_were_printed(row: dict[str, float], expected: dict[str, str]) -> None:
    found = {
        column: text for column, text in texts(entry(**row)).items() if column not in ("params_m", "params_m_base")
    }
    assert found == expected


@given(
    base=st.floats(0.05, 150).map(lambda v: float(f"{v:.12g}")),
    kept=st.floats(0.02, 1),
    accuracy=st.floats(7, 95),  # pruned at least 2 %: below 1 it may be a fraction
    change=st.floats(-5, 5),
    digits=st.tuples(*[st.integers(0, 3)] * 5),
    form=st.sampled_from(["factor", "percent", "none"]),
)
def test_right_tables_are_never_accused(
    base: float, kept: float, accuracy: float, change: float, digits: tuple[int, ...], form: str
) -> None:
    """Rows whose numbers are true ones, rounded as papers round them, and stored as the importers do."""
    of_base, of_size, of_rate, of_top1, of_change = digits
    percent = round(100 * kept, of_rate)
    rates = {"factor": round(1 / kept, of_rate), "percent": rate_from_kept(percent), "none": None}
    row = {
        "base_params_m": round(base, of_base) or None,
        "params_m": round(base * kept, of_size) or None,
        "compression": rates[form] and rounded(rates[form]),
        "base_top1": round(accuracy, of_top1),
        "top1": round(accuracy + change, of_top1),
        "top1_change": round(change, of_change),
    }
    assert check(Table((entry(network=None, **row),))) == []


def test_wrong_ones_are() -> None:
    removed = entry(base_params_m=0.251, params_m=0.0502, compression=rounded(100 / 80.1), network=None)
    removed_too = entry(base_flops_g=0.251, flops_g=0.0502, speedup=rounded(100 / 80.1))
    other = entry(base_params_m=0.511, params_m=0.1, compression=rounded(100 / 39), network=None, paper="q")
    found = [finding.rule for row in (removed, removed_too, other) for finding in check(Table((row,)))]
    assert found == ["kept-for-removed", "kept-for-removed", "not-of-this-base"]
