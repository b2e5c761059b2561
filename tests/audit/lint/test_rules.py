from __future__ import annotations

from typing import Any

import pytest

from fairprune.audit.finding import SEVERITIES
from fairprune.audit.lint import RULES, Rule, Table, lint
from fairprune.audit.lint.table import table_of


def found(*rows: dict[str, str], **shared: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(finding.rule, finding.ids) for finding in lint(table_of(*rows, **shared))]


def changes(*values: str, column: str = "delta_top1", start: str = "93.00") -> list[dict[str, str]]:
    """Rows a, b, c ... of "top1 change"."""
    rows = [dict(zip(("top1", column), value.split(), strict=True)) for value in values]
    return [{"id": name, "base_top1": start, **row} for name, row in zip("abcdefgh", rows, strict=False)]


def ranked(text: str, **shared: str) -> list[tuple[str, ...]]:
    """The rows of each finding, of "rank:top1" in the file's order; a row's id is its position."""
    rows = [dict(zip(("rank", "top1"), pair.split(":"), strict=True)) for pair in text.split()]
    findings = lint(table_of(*({"id": str(n), **row} for n, row in enumerate(rows)), **shared))
    assert {finding.rule for finding in findings} <= {"rank-order"}
    return [finding.ids for finding in findings]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_sees_its_violation_and_passes_its_pass(rule: Rule) -> None:
    table = rule.violation.table
    findings = rule.findings(table)
    assert findings
    assert {(finding.rule, finding.severity) for finding in findings} == {(rule.id, rule.severity)}
    lines = {entry.id: entry.line for entry in table.entries}
    assert all(finding.line == lines[finding.ids[0]] for finding in findings)
    assert lint(rule.passing.table) == []


def test_rules_are_told_apart_and_explained() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.reason.endswith(".") and "\n" not in rule.reason for rule in RULES)


def test_worst_first_and_then_by_line() -> None:
    rows = ({"id": "a", "seeds": "1", "top1_std": "1"}, {"id": "b", "top1": "101"}, {"id": "c", "top1": "-1"})
    findings = lint(table_of(*rows))
    assert [finding.ids for finding in findings] == [("b",), ("c",), ("a",)]
    assert [list(SEVERITIES).index(finding.severity) for finding in findings] == [0, 0, 1]


def test_nothing_to_say_about_nothing() -> None:
    assert lint(Table(())) == []
    assert found({"id": "a"}, {"id": "b", "kind": "dense"}) == []


def test_a_change_may_be_off_by_the_rounding_of_all_three() -> None:
    """.005 of each of three numbers with two decimals: .015 in all, so a difference of .01 may be, one of .02 not."""
    assert found(*changes("92.50 -0.51", "92.50 -0.49")) == []
    assert found(*changes("92.50 -0.52")) == [("wrong-change", ("a",))]
    assert found(*changes("92.5 -0.56")) == []
    assert found(*changes("92.5 -0.57")) == [("wrong-change", ("a",))]


@pytest.mark.parametrize("column", ["delta_top1", "drop_top1"])
def test_the_sign_is_that_of_most_rows(column: str) -> None:
    right, wrong = ("-0.50", "0.50") if column == "delta_top1" else ("0.50", "-0.50")
    few = changes(f"92.50 {right}", f"92.50 {wrong}", f"92.50 {right}", column=column)
    assert found(*few) == [("wrong-sign", ("b",))]
    many = changes(f"92.50 {wrong}", f"92.50 {wrong}", f"92.50 {right}", column=column)
    assert found(*many) == [("wrong-sign", ("c",))]
    assert found(*changes(f"92.50 {wrong}", f"92.50 {wrong}", column=column)) == []


def test_one_row_or_a_draw_makes_no_convention() -> None:
    assert found(*changes("92.50 0.50")) == [("wrong-sign", ("a",))]
    assert found(*changes("92.50 0.50", "92.50 0.50", "92.50 -0.50", "92.50 -0.50")) == [
        ("wrong-sign", ("a",)),
        ("wrong-sign", ("b",)),
    ]
    assert found(*changes("93.00 0.00", "93.00 -0.00", "92.50 0.50")) == [("wrong-sign", ("c",))]


def test_one_row_makes_a_convention_with_others_that_look_alike() -> None:
    """A loss that is a positive change, beside positive changes whose base is not known: they are losses as well."""
    loss = {"id": "a", "base_top1": "93.00", "top1": "92.50"}
    others = [{"id": "b", "delta_top1": "0.30"}, {"id": "c", "delta_top1": "0.80"}, {"id": "d", "delta_top1": "-0.1"}]
    assert found({**loss, "delta_top1": "0.50"}, *others) == []
    assert found({**loss, "delta_top1": "0.50"}, *others[1:]) == [("wrong-sign", ("a",))]
    assert found({**loss, "delta_top1": "-0.50"}, *others) == []
    assert found({**loss, "top1": "93.50", "delta_top1": "-0.50"}, others[2]) == [("wrong-sign", ("a",))]


def test_each_table_has_its_own_convention() -> None:
    one, other = changes("92.50 -0.50", "92.00 -1.00"), changes("92.50 0.50", "92.00 1.00")
    rows = [{**row, "id": f"{name}-{row['id']}", "group": name} for name, t in (("x", one), ("y", other)) for row in t]
    assert found(*rows) == []
    assert len(found(*({**row, "group": "x"} for row in rows))) == 2


def test_a_drop_beside_a_change() -> None:
    assert found({"id": "a", "drop_top1": "0.33", "delta_top1": "-0.3"}) == []
    assert found({"id": "a", "drop_top1": "0.33", "delta_top1": "0.33"}) == [("drop-against-delta", ("a",))]
    losses = changes("92.50 0.50", "92.00 1.00")  # changes as losses, so a drop beside one is the same number
    assert found(*losses, {"id": "z", "drop_top1": "0.33", "delta_top1": "0.33"}) == []
    assert found(*losses, {"id": "z", "drop_top1": "0.33", "delta_top1": "-0.33"}) == [("drop-against-delta", ("z",))]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"params_kept_pct": "31", "compression": "1.45"}, "params_kept_pct is the percentage removed"),
        ({"params_kept_pct": "40", "compression": "0.4"}, "compression is the fraction kept"),
        ({"params_kept_pct": "40", "compression": "0.6"}, "compression is the fraction removed"),
        ({"params_kept_pct": "40.0", "compression": "60.0"}, "compression is the percentage removed"),
        ({"macs_g": "0.120", "macs_g_base": "0.400", "speedup": "70.0"}, "speedup is the percentage removed"),
        ({"macs_g": "0.120", "macs_g_base": "0.400", "speedup": "30.0"}, "speedup is the percentage kept"),
        ({"macs_g": "0.120", "macs_g_base": "0.400", "speedup": "1.43"}, "macs_g counts what is removed"),
        ({"params_m": "0.60", "params_m_base": "2.00", "compression": "1.43"}, "params_m counts what is removed"),
    ],
)
def test_kept_for_removed_by_name(row: dict[str, str], words: str) -> None:
    (finding,) = lint(table_of({"id": "a", **row}))
    assert finding.rule == "kept-for-removed"
    assert words in finding.text


@pytest.mark.parametrize(
    ("macs", "base", "words"),
    [
        ("0.126", "0.1255", "macs_g counts 2 for each multiply-add and macs_g_base counts 1"),
        ("0.0314", "0.1255", "macs_g counts 1 for each multiply-add and macs_g_base counts 2"),
    ],
)
def test_multiply_adds_counted_by_two_on_one_side(macs: str, base: str, words: str) -> None:
    (finding,) = lint(table_of({"id": "a", "macs_g": macs, "macs_g_base": base, "speedup": "2.00"}))
    assert finding.rule == "macs-doubled"
    assert words in finding.text


def test_implied_multiply_adds_that_are_twice_the_network() -> None:
    row = {"id": "a", "macs_g": "0.125", "speedup": "2.00", "dataset": "CIFAR-10", "network": "ResNet-56"}
    assert found(row) == [("macs-doubled", ("a",))]
    assert found({**row, "network": "my own"}) == []


def test_sizes_that_are_right_within_their_digits() -> None:
    row = {"params_m": "0.43", "params_m_base": "0.85", "params_kept_pct": "50.12", "compression": "2"}
    assert found({"id": "a", **row}) == []
    assert found({"id": "a", **row, "compression": "2.0"}) == []
    assert found({"id": "a", **row, "compression": "2.00"}) == []  # 49.875 to 50.125 %
    assert found({"id": "a", **row, "compression": "2.1"}) == [("ratio-contradiction", ("a",))]


def test_more_than_the_base_network() -> None:
    assert found({"id": "a", "params_m": "17.56", "params_m_base": "11.69"}) == [("not-of-this-base", ("a",))]
    row = {"id": "a", "params_m": "17.56", "network": "ResNet-18", "dataset": "ImageNet"}
    assert found(row) == [("unlike-network", ("a",))]
    assert found({**row, "params_m": "11.69"}) == []


def test_a_dense_network_keeps_all() -> None:
    row = {"id": "a", "kind": "dense", "params_m": "0.85", "params_m_base": "0.85", "macs_g_base": "0.1255"}
    assert found({**row, "compression": "1", "speedup": "1.0"}) == []
    assert found({**row, "compression": "1.3"}) == [("ratio-contradiction", ("a",))]
    assert found({**row, "params_m": "0.80"}) == [("not-of-this-base", ("a",))]


def test_bases_that_rows_imply() -> None:
    rows = [
        {"id": name, "params_m": size, "compression": "2.00"}
        for name, size in (("a", "5.00"), ("b", "5.01"), ("c", "6.5"))
    ]
    assert found(*rows) == [("another-base", ("c",))]
    assert found(*rows[1:]) == [("another-base", ("b", "c"))]  # two rows, and no telling which is the odd one
    assert found(*({**row, "source": row["id"]} for row in rows)) == []


def test_sizes_of_zero_tell_nothing() -> None:
    row = {
        "id": "a",
        "params_m": "0.0",
        "params_m_base": "0",
        "params_kept_pct": "0",
        "compression": "0",
        "speedup": "0",
    }
    assert {rule for rule, _ in found(row, {"id": "b", "macs_g": "0", "macs_g_base": "0", "speedup": "2.0"})} <= {
        "factor-below-one"
    }


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("top1", "100.1"),
        ("base_top1", "-1"),
        ("drop_top1", "101"),
        ("top1_std", "-0.1"),
        ("macs_g", "-1"),
        ("speedup", "-2"),
    ],
)
def test_out_of_range(column: str, cell: str) -> None:
    assert ("out-of-range", ("a",)) in found({"id": "a", column: cell})
    assert found({"id": "a", "top1": "100", "params_kept_pct": "100.0", "delta_top1": "-100"}) == []


def test_fractions_among_percentages() -> None:
    assert found({"id": "a", "base_top1": "0.9353", "top1": "0.9377"}) == [("fraction-for-percent", ("a",))]
    assert found({"id": "a", "base_top1": "93.5", "top1": "0.938"}) == [("fraction-for-percent", ("a",))]
    assert found({"id": "a", "base_top1": "76.13", "top1": "0.10"}) == []
    assert found({"id": "a", "params_kept_pct": "0.31", "compression": "3.2"}) == [("fraction-for-percent", ("a",))]


def test_ranks_in_order_in_any_order_of_rows() -> None:
    assert ranked("1:93.77 2:93.46 3:92.93") == []
    assert ranked("3:92.93 1:93.77 2:93.46") == []
    assert ranked("4:90.1 9:88") == []  # some rows of a board
    assert ranked("1:93.77 2:93.5 2:93.5 4:93.5") == []


def test_the_odd_rank_is_named() -> None:
    assert ranked("1:93.77 2:91.00 3:93.46 4:92.93") == [("1", "2")]
    assert ranked("1:93.77 2:93.46 3:92.93 4:93.70") == [("3", "2")]
    assert ranked("4:92.93 3:93.46 2:91.00 1:93.77") == [("2", "1")]


def test_ranks_within_rounding() -> None:
    assert len(ranked("1:93.50 2:93.51")) == 1  # rounding keeps order
    assert ranked("1:93.5 2:93.52") == []
    assert len(ranked("1:93.5 2:93.56")) == 1


def test_one_rank_twice() -> None:
    assert ranked("1:93.77 1:93.46 2:92.93") == [("0", "1")]
    assert ranked("1:93.77 1:93.8 2:92.93") == []


def test_series_that_start_anew() -> None:
    assert ranked("1:75.4 2:74.3 3:74.1 1:71.8 2:71.6 1:73.6 2:73.3") == []
    assert ranked("1:75.4 2:74.3 3:74.1 1:71.8 2:71.9 1:73.6 2:73.3") == [("3", "4")]


def test_series_by_rate() -> None:
    """Some rows of boards at 2x and 4x, in which no rank repeats."""
    rates = (
        ({"rank": "3", "top1": "74.1"}, {"rank": "5", "top1": "73.0"}),
        ({"rank": "1", "top1": "71.8"}, {"rank": "2", "top1": "71.6"}),
    )
    rows: list[dict[str, Any]] = [
        {"id": f"{x}-{row['rank']}", "speedup": x, **row}
        for x, board in zip(("2x", "4x"), rates, strict=True)
        for row in board
    ]
    assert found(*rows) == []
    rows[0]["top1"] = "72.0"
    assert len(found(*rows)) == 2


def test_ranks_by_change() -> None:
    """A board whose methods start from other bases may rank by the change."""
    rows = [
        {"id": str(n), "rank": str(n), "base_top1": base, "top1": top1}
        for n, (base, top1) in enumerate([("93.0", "93.5"), ("94.0", "94.2"), ("92.0", "92.1"), ("95.0", "94.0")], 1)
    ]
    assert found(*rows) == []
    printed = [{"id": str(n), "rank": str(n), "delta_top1": d} for n, d in enumerate(["+0.5", "-0.2", "-0.1"], 1)]
    assert found(*printed) == [("rank-order", ("2", "3"))]


@pytest.mark.parametrize(
    "row",
    [
        {"seeds": "5", "selected_on": "test"},
        {"top1_std": "0.12", "selected_on": "test"},
        {"seeds": "3", "source": "table 2, best of 3 runs"},
        {"seeds": "3", "method": "L1 (best run)"},
        {"top1_std": "0.1", "method": "L1, max over seeds"},
    ],
)
def test_the_best_of_several_as_a_mean(row: dict[str, str]) -> None:
    assert found({"id": "a", "top1": "93.53", **row}) == [("best-as-mean", ("a",))]


@pytest.mark.parametrize(
    "row",
    [
        {"seeds": "1", "selected_on": "test"},
        {"selected_on": "test"},
        {"seeds": "5", "selected_on": "validation"},
        {"seeds": "5", "source": "top of table 2, our best method"},
        {"source": "best of 3 runs"},
    ],
)
def test_other_ways_to_report(row: dict[str, str]) -> None:
    assert found({"id": "a", "top1": "93.53", **row}) == []


def test_the_mean_of_runs_that_are_listed() -> None:
    runs = [{"id": f"run-{n}", "seeds": "1", "top1": top1} for n, top1 in enumerate(("93.41", "93.62", "93.50"))]
    best = {"id": "mean", "seeds": "3", "top1": "93.62"}
    assert found(best, *runs, method="L1") == [("best-as-mean", ("mean", "run-0", "run-1", "run-2"))]
    assert found({**best, "top1": "93.5"}, *runs, method="L1") == []
    assert found({**best, "seeds": "5"}, *runs, method="L1") == []  # not all runs are listed
    assert found(best, *({**run, "speedup": "4"} for run in runs), method="L1") == []
    assert found(best, *runs) == []  # nothing says that they are of one method


def test_a_deviation_of_one_run() -> None:
    assert found({"id": "a", "seeds": "1", "top1_std": "0.00"}) == []
    assert found({"id": "a", "seeds": "2", "top1_std": "0.12"}) == []
