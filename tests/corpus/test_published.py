"""Contributed tables: the audit finds the setups that their papers claim, and no more than is printed.

W is Wang et al. 2023 (arXiv:2301.05219), L is Liu et al. 2019 (arXiv:1810.05270). Rows go by what their source says
behind the table.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from fairprune.audit import Result, Verdict, compare
from fairprune.audit.against import Judgement, judge
from fairprune.corpus.audited import as_result
from fairprune.corpus.names import names_of
from fairprune.corpus.tables import Corpus, load
from fairprune.schedules import Schedule, halving

SOURCES = {
    "wang-table1": ("wang-2023", "tables 1 and 3"),
    **{f"wang-table{n}": ("wang-2023", f"table {n}") for n in (4, 5, 6, 7)},
    "liu-table1": ("liu-2019", "table 1"),
    "liu-table2": ("liu-2019", "table 2"),
    "liu-released": ("liu-2019", "results released with the code"),
    "torch-pruning": ("fang-2023", "benchmark table of the Torch-Pruning repository"),
}
REST = frozenset({"optimizer", "momentum", "weight_decay", "batch_size", "augmentation"})
RATIOS = [".1", ".3", ".5", ".7", ".9", ".95"]
SPEEDUPS = [1.11, 1.41, 1.93, 3.09, 7.68, 12.06]


@cache
def shipped() -> Corpus:
    return load()


@cache
def table(name: str) -> dict[str, Result]:
    origin, source = SOURCES[name]
    names = names_of(shipped())
    rows = shipped()["results"].filter(origin=origin).rows(named=True)
    found = {row["source"].removeprefix(f"{source}, "): row for row in rows if row["source"].startswith(f"{source}, ")}
    return {id: replace(as_result(row, names), id=id) for id, row in found.items()}


def between(name: str, a: str, b: str, **options: Any) -> Verdict:
    return compare(table(name)[a], table(name)[b], **options)


def judged(name: str, **options: Any) -> Judgement:
    return judge(tuple(table(name).values()), **options)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("wang-table1", 18),
        ("wang-table4", 43),
        ("wang-table5", 14),
        ("wang-table6", 24),
        ("wang-table7", 24),
        ("liu-table1", 25),
        ("liu-table2", 18),
        ("liu-released", 21),
        ("torch-pruning", 5),
    ],
)
def test_tables_are_whole(name: str, rows: int) -> None:
    results = table(name).values()
    assert len(results) == rows
    assert all(result.top1 and result.source and result.network and result.dataset for result in results)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("row", ["P30F90 1e-2", "P60F60 1e-3", "P90F30 1e-4"])
def test_w_table_4_overall_schedules(row: str, ratio: str) -> None:
    verdict = between("wang-table4", f"S4.2-overall {row}, {ratio}", f"scratch, {ratio}")
    assert (verdict.setup, verdict.flags) == ("S1", ("SX-A", "S4.2-overall"))


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("row", ["P30F90 1e-1", "P90F30 1e-2"])
def test_w_table_4_equal_epochs(row: str, ratio: str) -> None:
    verdict = between("wang-table4", f"SX-A {row}, {ratio}", f"scratch, {ratio}")
    assert (verdict.setup, verdict.flags) == ("S1", ("SX-A",))


@pytest.mark.parametrize(("ratio", "speedup"), list(zip(RATIOS, SPEEDUPS, strict=True)))
def test_w_table_4_equal_multiply_adds(ratio: str, speedup: float) -> None:
    """A base that cost what 30 epochs of the small network cost, to a whole epoch: half of one is no difference."""
    row = f"SX-B P30/kF90 1e-1, {ratio}"
    assert table("wang-table4")[row].pretrain_epochs == round(30 / speedup)
    verdict = between("wang-table4", row, f"scratch, {ratio}")
    assert (verdict.setup, verdict.flags) == ("S1", ("SX-B",))


def test_w_table_4_compares_within_a_ratio_alone() -> None:
    pairs = judged("wang-table4").pairs
    assert {pair.verdict.setup for pair in pairs} == {"S1"}
    assert {pair.a.id.rpartition(", ")[2] for pair in pairs} == set(RATIOS)
    assert len(pairs) == 6 * 7 * 6 // 2
    assert all(pair.a.speedup == pair.b.speedup for pair in pairs)


@pytest.mark.parametrize("speedup", ["2.31", "2.56"])
@pytest.mark.parametrize("other", ["GReg-1", "GReg-2"])
def test_w_table_1_a_plain_method_under_the_same_schedule(other: str, speedup: str) -> None:
    """W's S3.2 rests on recipes that their table does not print, so they have to be granted."""
    pair = f"L1 {speedup}", f"{other} {speedup}"
    assert between("wang-table1", *pair).setup == "S3.1"
    granted = between("wang-table1", *pair, assume_equal=REST)
    assert (granted.setup, granted.assumed) == ("S3.2", tuple(sorted(REST, key=granted.assumed.index)))
    assert [(block.setup, block.field) for block in granted.blocked_by] == [
        ("S4.1", "prune_epochs"),
        ("S4.2", "prune_schedule"),
    ]


def test_w_table_1_is_s1_otherwise() -> None:
    pairs = judged("wang-table1", assume_equal=REST).pairs
    above = [{pair.a.method, pair.b.method} for pair in pairs if pair.verdict.setup != "S1"]
    assert len(above) == 2 * 3
    assert all(methods <= {"GReg-1", "GReg-2", "L1-norm filter pruning"} for methods in above)


def test_w_table_1_known_differences_are_not_assumed_away() -> None:
    grants = REST | {"base_checkpoint"}
    sfp = between("wang-table1", "SFP", "GAL-0.5", assume_equal=grants)  # the base of GAL is not printed
    assert sfp.setup == "S2"
    printed = between("wang-table1", "CC 2.12", "CCP-AC", assume_equal=grants)  # 76.15 both
    assert printed.setup == "S2"
    rounded = between("wang-table1", "CC 2.12", "DCP", tau=0.1, assume_equal=grants)  # 76.15 against 76.01
    assert rounded.setup == "S1"
    assert [(b.field, b.a, b.b) for b in rounded.blocked_by if b.setup == "S2"] == [("base_top1", 76.15, 76.01)]


def test_w_table_5_longer_retraining_is_no_longer_the_same_budget() -> None:
    assert between("wang-table5", "P30F90 1e-1", "P30F90 1e-2 +0").flags == ("SX-A", "SX-B")
    assert between("wang-table5", "P30F90 1e-1", "P30F90 1e-2 +30").flags == ()
    assert between("wang-table5", "P30F90 1e-2 +60", "P60F60 1e-3 +60").flags == ("SX-A",)


@pytest.mark.parametrize(("name", "ratio"), [(f"wang-table{n}", r) for n in (6, 7) for r in (".3", ".5", ".7", ".9")])
def test_w_tables_6_and_7_start_from_one_base(name: str, ratio: str) -> None:
    verdict = between(name, f"L1 step .001, {ratio}", f"L1 step .01, {ratio}")
    assert (verdict.setup, verdict.matched) == ("S2", ("compression", "speedup"))
    assert [block.field for block in verdict.blocked_by] == [
        "retrain_epochs",
        "retrain_schedule",
        "augmentation",
    ]
    scratch = between(name, f"L1 step .01, {ratio}", f"scratch step, {ratio}")
    assert (scratch.setup, scratch.flags) == ("S1", ())  # how scratch was trained is not printed


ROWS = ["VGG-16-A", "ResNet-56-A", "ResNet-56-B", "ResNet-110-A", "ResNet-110-B", "ResNet-34-A", "ResNet-34-B"]


@pytest.mark.parametrize("row", ROWS)
def test_l_table_1_scratch_b_by_both_counts(row: str) -> None:
    pair = f"{row} finetuned", f"{row} Scratch-B"
    assert between("liu-table1", *pair, reading="liu").flags == ("SX-B",)
    assert between("liu-table1", *pair).flags == ()


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("reading", ["liu", "wang"])
def test_l_table_1_scratch_e_has_the_epochs_of_the_base_alone(row: str, reading: Any) -> None:
    verdict = between("liu-table1", f"{row} finetuned", f"{row} Scratch-E", reading=reading)
    assert (verdict.setup, verdict.flags) == ("S1", ())


def test_l_table_1_findings_depend_on_the_count() -> None:
    def short(reading: Any) -> set[str]:
        found = judged("liu-table1", reading=reading).findings
        return {i for finding in found if finding.rule == "scratch-budget" for i in finding.ids}

    assert short("wang") == {f"{row} Scratch-{kind}" for row in ROWS for kind in "EB"}
    assert short("liu") == {f"{row} Scratch-E" for row in ROWS}


@pytest.mark.parametrize("name", ["liu-table2", "liu-released"])
def test_l_on_imagenet_has_no_budget_where_the_base_or_the_rate_is_unknown(name: str) -> None:
    pairs = judged(name, reading="liu").pairs
    assert {pair.verdict.setup for pair in pairs} == {"S1"}
    assert {flag for pair in pairs for flag in pair.verdict.flags if "prune" in (pair.a.kind, pair.b.kind)} == set()
    compared = {i.rpartition(" ")[0] for pair in pairs for i in (pair.a.id, pair.b.id)}
    assert (
        compared
        == {
            "liu-table2": {"VGG-Conv", "ResNet-50 30%", "ResNet-50 50%", "ResNet-50 70%"},
            "liu-released": {"ResNet-26", "ResNet-32", "ResNet-41"},
        }[name]
    )


def test_l_table_2_prints_changes_against_two_bases() -> None:
    tuned, scratch = (table("liu-table2")[f"VGG-Conv {how}"] for how in ("finetuned", "Scratch-B"))
    assert [(r.base_top1, r.top1) for r in (tuned, scratch)] == [(71.03, 69.8), (71.51, 71.72)]


def test_torch_pruning_s_table_mixes_pruning_budgets() -> None:
    plain = "Group-L1", "group norm, no sparse learning"
    sparse = "Group-L1", "group norm"
    grants = REST - {"weight_decay", "batch_size"}
    assert between("torch-pruning", *plain).setup == between("torch-pruning", *sparse).setup == "S3.1"
    assert between("torch-pruning", *plain, assume_equal=grants).setup == "S4.2"
    assert between("torch-pruning", *sparse, assume_equal=grants).setup == "S3.2"
    assert {"selected-on-test", "few-seeds"} <= {finding.rule for finding in judged("torch-pruning").findings}


@pytest.mark.parametrize(
    ("name", "unfair"),
    [
        ("wang-table1", {"setup-below-s3.2", "base-differs", "schedule-differs"}),
        ("torch-pruning", {"setup-below-s3.2", "selected-on-test"}),
        *((name, set()) for name in ("wang-table4", "wang-table5", "wang-table6", "wang-table7", "liu-table1")),
    ],
)
def test_what_is_unfair_in_each_table(name: str, unfair: set[str]) -> None:
    """One method under several recipes, or against scratch, is not compared with another method."""
    assert {finding.rule for finding in judged(name).findings if finding.severity == "unfair"} == unfair


def test_w_table_1_says_whose_base_and_schedule_differ() -> None:
    said = {finding.rule: finding.text for finding in judged("wang-table1").findings}
    assert "one of 76.01 % (DCP)" in said["base-differs"]
    assert "total:90 (GReg-1, GReg-2, L1-norm filter pruning)" in said["schedule-differs"]
    assert "0:1e-3,30:1e-4,60:1e-5,90:1e-6 total:100 (CCP-AC)" in said["schedule-differs"]
    assert said["outside-tolerance"].endswith("ProvableFP at speedup 1.43x")
    assert {"SFP", "Taylor-FO", "ProvableFP", "HRank", "CC", "LFPC"} <= set(
        said["unknown-schedule"].partition("(")[2].rstrip(")").split(", ")
    )


def test_torch_pruning_s_table_counts_100_epochs_for_some() -> None:
    said = {finding.rule: finding.text for finding in judged("torch-pruning").findings}
    assert "100 (Group-BN, Group-GReg, Group norm), 0 (Group-L1, Group norm no sparse learning)" in said["pruning-cost"]


def last_schedules(name: str) -> dict[str, Schedule]:
    """What the networks of a table were trained by in the end, but for the dense one."""
    found = {r.id: r.pretrain_schedule if r.kind == "scratch" else r.retrain_schedule for r in table(name).values()}
    return {id: schedule for id, schedule in found.items() if schedule and schedule.total}


@pytest.mark.parametrize(("name", "rows"), [("wang-table4", 42), ("wang-table5", 14)])
def test_w_ends_all_training_at_one_rate(name: str, rows: int) -> None:
    assert "final-rate" not in {finding.rule for finding in judged(name).findings}
    schedules = last_schedules(name)
    assert len(schedules) == rows
    assert {schedule.final_rate for schedule in schedules.values()} == {1e-5}


@pytest.mark.parametrize("name", ["wang-table4", "wang-table5"])
def test_w_trains_by_the_halving_rule(name: str) -> None:
    """But for what table 5 adds to the first stage."""
    for id, schedule in last_schedules(name).items():
        longer = " +" in id and not id.endswith(" +0")
        assert longer or schedule == halving(schedule.initial_rate, 1e-5, schedule.total), id


@pytest.mark.parametrize("epoch", [15, 30, 45, 60, 90])
def test_w_table_4_cuts_one_schedule_at_the_pruning_epoch(epoch: int) -> None:
    """P15F105 and P45F75 are no schedules of the rule, the others are."""
    rest = halving(1e-1, 1e-5, 120).cut(epoch, 120)
    by_rule = halving(rest.initial_rate, 1e-5, 120 - epoch)
    assert (rest == by_rule) == (epoch in (30, 60, 90))
