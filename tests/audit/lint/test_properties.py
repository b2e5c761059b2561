"""Consistent tables, rounded to any digits, give no findings; each kind of error that is put into them is found."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairprune.audit.lint import Table, lint
from fairprune.audit.lint.table import table_of

Rows = list[dict[str, str]]
SIZED = ("params_m", "params_kept_pct", "compression", "macs_g", "speedup")
SEEDS = st.integers(0, 10**9)


def printed(value: float, decimals: int) -> str:
    return str(Decimal(value).quantize(Decimal(1).scaleb(-decimals)))


def consistent(rng: Random, decimals: Callable[[], int], convention: int = 1) -> Rows:
    """Rows of one table whose numbers follow from each other, each column with decimals of its own.

    The sizes of the first are such that no error below makes it look like a mix-up.
    """
    digits = {name: decimals() for name in (*SIZED, "top1", "change", "base")}
    base, params, macs = rng.uniform(60, 95), rng.uniform(5, 90), rng.uniform(5, 90)
    rows = []
    for number in range(rng.randint(4, 7)):
        drop = rng.uniform(4, 50)
        kept, kept_macs = (rng.uniform(0.05, 1), rng.uniform(0.05, 1)) if number else (0.215, 0.43)
        size = {
            "params_m": params * kept,
            "params_kept_pct": 100 * kept,
            "compression": 1 / kept,
            "macs_g": macs * kept_macs,
            "speedup": 1 / kept_macs,
        }
        rows.append(
            {
                "id": f"row-{number}",
                "base_top1": printed(base, digits["top1"]),
                "top1": printed(base - drop, digits["top1"]),
                "drop_top1": printed(convention * drop, digits["change"]),
                "delta_top1": printed(-convention * drop, digits["change"]),
                "params_m_base": printed(params, digits["base"]),
                "macs_g_base": printed(macs, digits["base"]),
                **{column: printed(value, digits[column]) for column, value in size.items()},
                "seeds": str(rng.randint(2, 5)),
                "top1_std": printed(rng.uniform(0, 1), 2),
                "exact": str(base - drop),
            }
        )
    for rank, row in enumerate(sorted(rows, key=lambda row: -float(row["exact"])), 1):
        row["rank"] = str(rank)
        del row["exact"]
    return rows


def table(rows: Rows) -> Table:
    return table_of(*rows, group="board")


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.sampled_from([1, -1]), st.booleans())
def test_consistent_tables_give_no_findings(seed: int, convention: int, with_base: bool) -> None:
    rng = Random(seed)
    rows = consistent(rng, lambda: rng.randint(0, 4), convention)
    for row in rows:
        for column in [*SIZED, "base_top1"] if with_base else ["params_m_base", "macs_g_base"]:
            if rng.random() < 0.3 or not with_base:
                row.pop(column)
    assert lint(table(rows)) == []


def add(column: str, amount: float) -> Callable[[dict[str, str]], None]:
    def change(row: dict[str, str]) -> None:
        row[column] = str(Decimal(row[column]) + Decimal(str(amount)))

    return change


def scale(column: str, factor: float) -> Callable[[dict[str, str]], None]:
    def change(row: dict[str, str]) -> None:
        row[column] = printed(float(row[column]) * factor, 3)

    return change


def removed(row: dict[str, str]) -> None:
    row["params_kept_pct"] = str(100 - Decimal(row["params_kept_pct"]))


def one_run(row: dict[str, str]) -> None:
    row.update(seeds="1", top1_std="0.12")


def best_epoch(row: dict[str, str]) -> None:
    row["selected_on"] = "test"


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        (add("drop_top1", 0.02), {"wrong-change"}),
        (add("delta_top1", -1), {"wrong-change"}),
        (add("top1", -0.05), {"wrong-change"}),
        (scale("drop_top1", -1), {"wrong-sign"}),
        (scale("delta_top1", -1), {"wrong-sign"}),
        (scale("macs_g", 2), {"macs-doubled"}),
        (removed, {"kept-for-removed"}),
        (scale("params_m", 1.5), {"not-of-this-base"}),
        (scale("speedup", 1.2), {"not-of-this-base"}),
        (scale("compression", 1.2), {"ratio-contradiction"}),
        (scale("params_kept_pct", 0.01), {"fraction-for-percent"}),
        (scale("macs_g_base", 1.3), {"another-base", "not-of-this-base"}),
        (scale("params_m", -1), {"out-of-range", "not-of-this-base"}),
        (one_run, {"spread-of-one-run"}),
        (best_epoch, {"best-as-mean"}),
    ],
)
@settings(max_examples=12, deadline=None)
@given(seed=SEEDS)
def test_one_error_is_found_where_it_is(change: Callable[[dict[str, str]], None], rules: set[str], seed: int) -> None:
    rng = Random(seed)
    rows = consistent(rng, lambda: 3)
    wrong = rows[0]
    rng.shuffle(rows)
    change(wrong)
    findings = lint(table(rows))
    assert {finding.rule for finding in findings} == rules
    assert {finding.ids[0] for finding in findings} == {wrong["id"]}


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_two_ranks_that_are_exchanged(seed: int) -> None:
    rng = Random(seed)
    rows = consistent(rng, lambda: 3)
    one, other = rng.sample(rows, 2)
    one["rank"], other["rank"] = other["rank"], one["rank"]
    findings = lint(table(rows))
    assert {finding.rule for finding in findings} == {"rank-order"}
    assert {one["id"], other["id"]} & {name for finding in findings for name in finding.ids}


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_a_base_that_one_row_implies_alone(seed: int) -> None:
    rng = Random(seed)
    rows = consistent(rng, lambda: 3)
    for row in rows:
        del row["params_m_base"], row["macs_g_base"]
    wrong = rows[0]
    rng.shuffle(rows)
    wrong["macs_g"] = printed(float(wrong["macs_g"]) * 1.3, 3)
    assert [(finding.rule, finding.ids) for finding in lint(table(rows))] == [("another-base", (wrong["id"],))]
