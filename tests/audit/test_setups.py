from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairprune.audit import Result, compare, compare_all
from fairprune.audit.setups import ASSUMABLE, ORDER, Verdict
from fairprune.errors import SpecError
from fairprune.schedules import empty, halving, parse

Make = Callable[..., Result]
OPTIONAL = [f.name for f in fields(Result) if str(f.type).endswith("| None")]

SCHEDULES = [parse(text) for text in ("constant:1e-3 total:40", "0:1e-2,20:1e-3 total:40", "constant:1e-3 total:20")]
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.sampled_from(["prune", "scratch", "dense"]),
    "dataset": st.sampled_from(["cifar10", "mnist"]),
    "network": st.sampled_from(["resnet56", "vgg16"]),
    "base_checkpoint": st.sampled_from(["base-0", "base-1"]),
    "compression": st.sampled_from([1.9, 1.95, 4.0]),
    "speedup": st.sampled_from([2.0, 2.09, 2.2]),
    "pretrain_schedule": st.sampled_from(SCHEDULES),
    "pretrain_macs": st.sampled_from([100.0, 50.0]),
    "prune_schedule": st.sampled_from([empty(), *SCHEDULES]),
    "prune_macs": st.just(100.0),
    "retrain_schedule": st.sampled_from(SCHEDULES),
    "retrain_macs": st.sampled_from([100.0, 50.0]),
    "optimizer": st.sampled_from(["sgd", "adam"]),
    "momentum": st.sampled_from([0.9, 0.0]),
    "weight_decay": st.sampled_from([1e-4, 5e-4]),
    "batch_size": st.sampled_from([64, 128]),
    "augmentation": st.sampled_from(["", "flip"]),
    "base_top1": st.sampled_from([93.5, 93.52, 92.0]),
}


@st.composite
def neighbours(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields of two results that share most of them, so that every level occurs; a few are unknown."""
    shared = {field: draw(values) for field, values in FIELDS.items()}
    sides = []
    for _ in range(2):
        changed = draw(st.sets(st.sampled_from(sorted(FIELDS)), max_size=2))
        lost = draw(st.sets(st.sampled_from(sorted(FIELDS.keys() - {"kind"})), max_size=1))
        sides.append({**shared, **{f: draw(FIELDS[f]) for f in changed}, **dict.fromkeys(lost)})
    return sides[0], sides[1]


def build(name: str, known: dict[str, Any]) -> Result:
    """A result with these fields, less those of stages that its kind does not have."""
    absent = {"scratch": ("prune", "retrain"), "dense": ("prune",), "prune": ()}[known["kind"]]
    return Result(name, **{f: v for f, v in known.items() if not f.startswith(absent)})


def level(verdict: Verdict) -> int:
    return ORDER.index(verdict.setup) if verdict.setup else -1


GRANTS = st.frozensets(st.sampled_from(ASSUMABLE), max_size=3)
READINGS = st.sampled_from(["wang", "liu"])


@given(neighbours(), GRANTS, READINGS)
def test_symmetric(pair: Any, grants: frozenset[str], reading: Any) -> None:
    a, b = build("a", pair[0]), build("b", pair[1])
    ab, ba = compare(a, b, 0.05, grants, reading), compare(b, a, 0.05, grants, reading)
    assert {(x.setup, x.field, str(x.a), str(x.b)) for x in ab.blocked_by} == {
        (x.setup, x.field, str(x.b), str(x.a)) for x in ba.blocked_by
    }
    without = [{k: v for k, v in asdict(verdict).items() if k != "blocked_by"} for verdict in (ab, ba)]
    assert without[0] == without[1]


@given(neighbours(), GRANTS, READINGS, st.data())
def test_losing_a_field_never_raises_the_level_or_adds_a_flag(
    pair: Any, grants: frozenset[str], reading: Any, data: st.DataObject
) -> None:
    before = compare(build("a", pair[0]), build("b", pair[1]), 0.05, grants, reading)
    told = grants | ({"base_top1"} if "base_checkpoint" in grants else set())  # it tells base models apart
    lost = data.draw(st.sampled_from(sorted(FIELDS.keys() - {"kind"} - told)))
    after = compare(build("a", {**pair[0], lost: None}), build("b", pair[1]), 0.05, grants, reading)
    assert level(after) <= level(before)
    assert set(after.flags) <= set(before.flags)
    assert set(after.matched) <= set(before.matched)


@given(neighbours(), READINGS)
def test_unknown_never_establishes(pair: Any, reading: Any) -> None:
    a, b = build("a", pair[0]), build("b", pair[1])
    verdict = compare(a, b, reading=reading)
    blocked = {block.field for block in verdict.blocked_by}
    for field in ASSUMABLE[2:]:
        if getattr(a, field) is None or getattr(b, field) is None:
            assert field in blocked
    assert verdict.assumed == ()
    assert all(getattr(a, rate) and getattr(b, rate) for rate in verdict.matched)


@given(neighbours(), GRANTS)
def test_a_grant_changes_nothing_but_unknown_fields(pair: Any, grants: frozenset[str]) -> None:
    a, b = build("a", pair[0]), build("b", pair[1])
    verdict = compare(a, b, assume_equal=grants)
    for block in compare(a, b).blocked_by:
        if block.a is not None and block.b is not None and block.field not in ("compression", "speedup"):
            assert block in verdict.blocked_by
    assert set(verdict.assumed) <= grants


@given(st.sets(st.sampled_from(OPTIONAL)))
def test_nothing_known_is_not_comparable(lost: set[str]) -> None:
    assert {"dataset", "retrain_schedule", "seeds"} <= set(OPTIONAL)
    verdict = compare(Result("a", **dict.fromkeys(lost)), Result("b"))
    assert (verdict.setup, verdict.flags, verdict.matched) == (None, (), ())


@pytest.mark.parametrize(
    ("change", "setup", "blocked"),
    [
        ({}, "S4.2", []),
        ({"dataset": "mnist"}, None, [("S1", "dataset")]),
        ({"network": "vgg16"}, None, [("S1", "network")]),
        ({"base_checkpoint": "base-1"}, "S1", [("S2", "base_checkpoint")]),
        (
            {"retrain_schedule": parse("constant:1e-3 total:60")},
            "S2",
            [("S3.1", "retrain_epochs"), ("S3.2", "retrain_schedule")],
        ),
        ({"retrain_schedule": parse("constant:1e-2 total:40")}, "S3.1", [("S3.2", "retrain_schedule")]),
        ({"optimizer": "adam"}, "S3.1", [("S3.2", "optimizer")]),
        ({"momentum": 0.0}, "S3.1", [("S3.2", "momentum")]),
        ({"weight_decay": 5e-4}, "S3.1", [("S3.2", "weight_decay")]),
        ({"batch_size": 128}, "S3.1", [("S3.2", "batch_size")]),
        ({"augmentation": ""}, "S3.1", [("S3.2", "augmentation")]),
        ({"prune_epochs": 5}, "S3.2", [("S4.1", "prune_epochs"), ("S4.2", "prune_schedule")]),
    ],
)
def test_each_level_by_what_blocks_it(make: Make, change: dict[str, Any], setup: str, blocked: list[Any]) -> None:
    verdict = compare(make("a"), make("b", **change))
    assert verdict.setup == setup
    assert [(block.setup, block.field) for block in verdict.blocked_by] == blocked


def test_equal_pruning_epochs_under_another_rate_are_s4_1(make: Make) -> None:
    rates = [make(x, prune_epochs=None, prune_schedule=parse(f"constant:{x} total:5")) for x in ("1e-2", "1e-3")]
    verdict = compare(*rates)
    assert verdict.setup == "S4.1"
    assert [str(block.a) for block in verdict.blocked_by] == ["constant:1e-2 total:5"]


def test_a_schedule_is_compared_as_a_function(make: Make) -> None:
    steps = make("b", retrain_schedule=parse("0:1e-3,7:1e-3 total:40"))
    assert compare(make("a"), steps).setup == "S4.2"


@pytest.mark.parametrize(
    ("a", "b", "matched"),
    [
        ((1.9, 2.0), (1.9, 2.0), ("compression", "speedup")),
        ((1.0, 1.0), (1.05, 3.0), ("compression",)),
        ((1.0, 2.1), (1.051, 2.0), ("speedup",)),
        ((None, 2.0), (1.9, 2.0), ("speedup",)),
        ((None, 2.0), (1.9, None), ()),
    ],
)
def test_which_rate_matched(make: Make, a: Any, b: Any, matched: Any) -> None:
    results = [make("x", compression=c, speedup=s) for c, s in (a, b)]
    verdict = compare(*results)
    assert verdict.matched == matched
    assert (verdict.setup is None) == (not matched)


def test_tau_is_an_option_and_printed(make: Make) -> None:
    a, b = make("a", compression=None), make("b", compression=None, speedup=2.3)
    assert compare(a, b).setup is None
    assert (compare(a, b, 0.15).setup, compare(a, b, 0.15).tau) == ("S4.2", 0.15)


def test_a_grant_is_told_where_it_was_needed(make: Make) -> None:
    unknown = make("b", momentum=None)
    grants = frozenset({"momentum", "weight_decay"})
    assert compare(make("a"), unknown).setup == "S3.1"
    verdict = compare(make("a"), unknown, assume_equal=grants)
    assert (verdict.setup, verdict.assumed) == ("S4.2", ("momentum",))
    other = make("b", momentum=None, base_checkpoint="other")
    assert compare(make("a"), other, assume_equal=grants).assumed == ()  # S1 does not rest on it


def test_only_fields_that_setups_compare_can_be_granted(make: Make) -> None:
    with pytest.raises(SpecError, match="unknown field to assume equal 'momentun'; did you mean 'momentum'"):
        compare(make("a"), make("b"), assume_equal={"momentun"})


def test_a_scratch_run_has_no_base_and_none_can_be_assumed() -> None:
    common: dict[str, Any] = {"dataset": "d", "network": "n", "speedup": 2.0}
    a, b = Result("a", kind="scratch", **common), Result("b", **common)
    assert compare(a, b, assume_equal=frozenset(ASSUMABLE)).setup == "S1"
    assert compare(a, Result("c", kind="scratch", **common), assume_equal=frozenset(ASSUMABLE)).setup == "S1"


# W, table 4: ResNet-34 on 100 classes, dense 3.663 G, ratio .7: 1.185 G (3.09x). Schedules by W's halving rule.
DENSE, SMALL = 3.663e9, 1.185e9
OVERALL = halving(1e-1, 1e-5, 120)
W: dict[str, Any] = {"dataset": "imagenet100", "network": "resnet34", "speedup": 3.09}


def from_w(name: str, pretrain: Any, retrain: Any) -> Result:
    return Result(name, pretrain_schedule=pretrain, retrain_schedule=retrain, pretrain_macs=DENSE, retrain_macs=SMALL,
                  prune_epochs=0, base_checkpoint=name, **W)  # fmt: skip


def scratch_w(schedule: Any) -> Result:
    return Result("scratch", kind="scratch", pretrain_schedule=schedule, pretrain_macs=SMALL, **W)


@pytest.mark.parametrize("epoch", [15, 30, 45, 60, 90])
def test_w_table_4_moves_only_the_pruning_epoch(epoch: int) -> None:
    row = from_w(f"P{epoch}", OVERALL.cut(0, epoch), OVERALL.cut(epoch, 120))
    verdict = compare(row, scratch_w(OVERALL))
    assert (verdict.setup, verdict.flags) == ("S1", ("SX-A", "S4.2-overall"))
    other = from_w("other", OVERALL.cut(0, 20), OVERALL.cut(20, 120))
    assert compare(row, other).flags == ("SX-A",)  # the same overall schedule, but neither is a scratch run


def test_w_table_4_equal_epochs() -> None:
    row = from_w("P30F90, 1e-1", OVERALL.cut(0, 30), halving(1e-1, 1e-5, 90))
    verdict = compare(row, scratch_w(OVERALL))
    assert (verdict.setup, verdict.flags) == ("S1", ("SX-A",))


def test_w_table_4_equal_multiply_adds() -> None:
    epochs = round(30 * SMALL / DENSE)  # P30/k F90: a shorter base pays for its larger network
    row = from_w("P30/k F90", parse(f"constant:1e-1 total:{epochs}"), halving(1e-1, 1e-5, 90))
    assert compare(row, scratch_w(OVERALL)).flags == ("SX-B",)


@pytest.mark.parametrize(("epochs", "flags"), [(220, ()), (260, ()), (261, ("SX-B",)), (262, ())])
def test_scratch_b_by_the_count_of_w(epochs: int, flags: Any) -> None:
    """L's ResNet-56-B: F1 / F2 = 125.49 / 90.91 = 1.3804; W: 160 * 1.3804 + 40 = 260.86, +- .69."""
    assert compare(*scratch_b(epochs)).flags == flags


@pytest.mark.parametrize(("epochs", "flags"), [(219, ()), (220, ("SX-B",)), (221, ("SX-B",)), (222, ()), (261, ())])
def test_scratch_b_by_the_count_of_l(epochs: int, flags: Any) -> None:
    """Without the 40 epochs of retraining: 220.86, and L's int() gives 220, which must do: +- 1."""
    assert compare(*scratch_b(epochs), reading="liu").flags == flags


def scratch_b(epochs: int) -> tuple[Result, Result]:
    common: dict[str, Any] = {"dataset": "cifar10", "network": "resnet56", "speedup": 1.38}
    base, small = 125.49e6, 90.91e6
    tuned = Result("tuned", pretrain_epochs=160, pretrain_macs=base, prune_epochs=0, retrain_epochs=40,
                   retrain_macs=small, **common)  # fmt: skip
    return tuned, Result("anew", kind="scratch", pretrain_epochs=epochs, pretrain_macs=small, **common)


def test_between_two_pruned_results_both_counts_include_retraining(make: Make) -> None:
    longer = make("b", retrain_schedule=parse("constant:1e-3 total:60"))
    assert compare(make("a"), longer, reading="liu").flags == ()


def test_compare_all_yields_what_compare_says(make: Make) -> None:
    results = [make("a"), make("b", speedup=2.05), make("c", speedup=4, compression=8), make("d", dataset="mnist"),
               make("e", dataset=None)]  # fmt: skip
    pairs = list(compare_all(results))
    assert [(pair.a.id, pair.b.id) for pair in pairs] == [("a", "b")]
    assert pairs[0].verdict == compare(results[0], results[1])
    granted = compare_all(results, assume_equal={"dataset"})
    assert [(pair.a.id, pair.b.id) for pair in granted] == [("a", "b"), ("a", "e"), ("b", "e"), ("d", "e")]
    assert not list(compare_all(results, wanted=lambda *_: False))
