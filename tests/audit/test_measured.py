from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairprune.audit import audit, compare, from_record
from fairprune.record import LedgerEntry, Metric, Parent, Record
from fairprune.schedules import empty, parse
from fairprune.spec import Checkpoint, Method, Recipe, Target, Training

Make = Callable[..., Record]


def with_spec(record: Record, **changes: Any) -> Record:
    return record.model_copy(update={"spec": record.spec.model_copy(update=changes)})


def test_a_one_shot_run_in_full(record: Make) -> None:
    result = from_record(record())
    assert (result.kind, result.method, result.criterion, result.recipe) == ("prune", "L1", "l1_norm", "tune")
    assert (result.dataset, result.network, result.task) == ("digits@0123456789abcdef", "small", "digits-small")
    assert result.base_checkpoint == "base"
    assert (result.compression, result.speedup, result.target) == (4, 2, Target(axis="speedup", value=2))
    assert result.removed == 0.625  # 5 of 8 units
    assert (result.pretrain_epochs, result.prune_epochs, result.retrain_epochs) == (12, 0, 4)
    assert result.prune_schedule == empty()
    assert result.schedule == parse("0:1e-1,8:1e-2,12:1e-3 total:16")
    assert result.cost() == 12 * 100 + 4 * 50
    assert result.largest() == 100
    assert (result.momentum, result.batch_size, result.augmentation, result.executed) == (0.9, 64, "", "small")
    assert (result.base_top1, result.top1) == pytest.approx((90, 87.5))
    assert (result.test_looks, result.collapsed, result.selected_on) == (1, ("b",), "last")
    assert (result.device, result.libraries, result.seeds) == ("cpu", "fairprune 0.1, torch 2.13", 1)


def test_who_decided_the_per_layer_amounts(record: Make) -> None:
    full = record()
    assert full.spec.method
    lender = full.spec.method
    like = lender.model_copy(update={"criterion": "random", "allocation": "like", "like": lender})
    own, lent = from_record(full), from_record(with_spec(full, method=like))
    assert (own.allocation, lent.allocation) == ("uniform", "like")
    assert own.amounts == lent.amounts
    other = from_record(with_spec(full, method=lender.model_copy(update={"spare": ()})))
    assert own.amounts != other.amounts
    dense = from_record(record("dense"))
    assert (dense.allocation, dense.amounts) == (None, None)


def test_a_scratch_run_is_charged_its_own_training_at_the_small_network(record: Make, trained: Any) -> None:
    full = record("scratch")
    result = from_record(
        full.model_copy(update={"ledger": (*full.ledger[:4], trained("scratch", "constant:1e-1 total:24", 24, 50))})
    )
    assert (result.epochs, result.cost(), result.largest()) == (24, 24 * 50, 50)
    assert result.base_checkpoint is None
    assert (result.prune_epochs, result.retrain_epochs) == (0, 0)


def test_iterative_rounds_add_up(record: Make, trained: Any) -> None:
    full = record()
    rounds = (
        full.ledger[0],
        LedgerEntry(stage="prune"),
        trained("retrain", "constant:1e-2 total:4", 4, 80),
        LedgerEntry(stage="prune"),
        trained("retrain", "constant:1e-3 total:2", 2, 50),
    )
    result = from_record(full.model_copy(update={"ledger": rounds}))
    assert result.retrain_schedule == parse("0:1e-2,4:1e-3 total:6")
    assert result.retrain_macs == pytest.approx((4 * 80 + 2 * 50) / 6)
    assert result.prune_epochs == 0


def test_a_downloaded_base_has_a_digest_and_no_known_training(record: Make) -> None:
    full = record()
    task = full.spec.task.model_copy(update={"pretrain": None, "checkpoint": Checkpoint(name="x.pt", digest="d")})
    entries = (LedgerEntry(stage="pretrain"), *full.ledger[1:])
    result = from_record(with_spec(full, task=task).model_copy(update={"ledger": entries}))
    assert result.base_checkpoint == "base"
    assert (result.pretrain_epochs, result.pretrain_schedule, result.epochs, result.cost()) == (None,) * 4
    unseen = task.model_copy(update={"checkpoint": Checkpoint(name="x.pt", digest="d", seen="none")})
    found = [from_record(r).validation_seen for r in (full, with_spec(full, task=task), with_spec(full, task=unseen))]
    assert found == [False, True, False]


def test_what_an_unfinished_run_did_not_reach_is_unknown(record: Make) -> None:
    full = record(status="diverged")
    result = from_record(full.model_copy(update={"ledger": full.ledger[:1]}))
    assert (result.status, result.pretrain_epochs, result.pretrain_schedule) == ("diverged", 12, None)
    assert (result.prune_epochs, result.retrain_epochs, result.optimizer) == (None, None, None)


def test_a_done_run_without_retraining_has_none(record: Make) -> None:
    full = record()
    result = from_record(full.model_copy(update={"ledger": full.ledger[:4]}))
    assert (result.retrain_epochs, result.retrain_schedule) == (0, empty())


def within(full: Record, entry: LedgerEntry, hook: str) -> Record:
    """A run in which pruning is the whole training."""
    training = Training(hook=hook, schedule="constant:1e-1 total:12", recipe={}, bound=True)
    method = Method(training=training, granularity="weight", allocation="erk", start="init")
    best = full.spec.retraining.model_copy(update={"recipe": Recipe(schedule="none", checkpoint="best")})
    ledger = (LedgerEntry(stage="pretrain"), entry, LedgerEntry(stage="prune", schedule="none"))
    return with_spec(full, method=method, retraining=best).model_copy(update={"ledger": ledger})


def test_where_pruning_is_the_whole_training_the_recipe_is_its_own(record: Make, trained: Any) -> None:
    entry = trained("prune", "constant:1e-1 total:12", 12, 50, executed="dense")
    a, b = (from_record(within(record(id=name), entry, name)) for name in ("rigl", "set"))
    assert (a.pretrain_epochs, a.prune_epochs, a.retrain_epochs) == (0, 12, 0)
    assert (a.optimizer, a.batch_size, a.executed, a.selected_on) == ('{"name":"sgd"}', 64, "dense", "last")
    assert compare(a, b).setup == "S4.2"
    other = from_record(within(record(id="c"), entry.model_copy(update={"batch_size": 32}), "set"))
    assert [(block.setup, block.field) for block in compare(a, other).blocked_by] == [("S3.2", "batch_size")]


@pytest.mark.parametrize(
    ("method", "control"),
    [
        ({"criterion": "magnitude"}, True),
        ({"criterion": "magnitude", "training": Training(hook="gradual", recipe={})}, False),
        ({"criterion": "l2_norm"}, True),
        ({"criterion": "l2_norm", "training": Training(hook="soft_filter", recipe={})}, False),
        ({"criterion": "l1_largest"}, False),
    ],
)
def test_what_counts_as_plain_magnitude(record: Make, method: dict[str, Any], control: bool) -> None:
    full = record(labels={"method": "A", "task": "t"})
    assert full.spec.method
    result = from_record(with_spec(full, method=full.spec.method.model_copy(update=method)))
    assert any(finding.rule == "missing-magnitude" for finding in audit([result])) != control


def test_what_was_spared_and_looked_at(record: Make) -> None:
    full = record()
    assert full.spec.method
    result = from_record(full)
    assert (result.spare, result.calibration) == (("classifier",), 512)
    assert (result.params_m_base, result.macs_g_base, result.top5) == (0.001, 1e-7, None)
    blind = from_record(full.model_copy(update={"ledger": tuple(e for e in full.ledger if e.stage != "score")}))
    assert blind.calibration == 0
    spared = full.spec.method.model_copy(update={"spare": ("fc", "conv1")})
    assert from_record(with_spec(full, method=spared)).spare == ("conv1", "fc")
    five = Metric(name="top5", split="test", value=0.99)
    assert from_record(full.model_copy(update={"metrics": (*full.metrics, five)})).top5 == 99
    dense = from_record(record("dense"))
    assert (dense.spare, dense.calibration) == (None, None)


def test_more_looks_than_networks(record: Make) -> None:
    full = record()
    looks = from_record(full.model_copy(update={"ledger": (*full.ledger, LedgerEntry(stage="measure", test_looks=4))}))
    assert looks.test_looks == 3  # 6 looks, 2 networks


def test_options_and_selection(record: Make) -> None:
    full = record()
    network = full.spec.task.network.model_copy(update={"options": {"width": 8, "shortcut": "A"}})
    task = full.spec.task.model_copy(update={"network": network})
    retraining = full.spec.retraining.model_copy(update={"recipe": Recipe(schedule="none", checkpoint="best")})
    result = from_record(with_spec(full, task=task, retraining=retraining))
    assert result.network == "small(shortcut=A, width=8)"
    assert result.selected_on == "validation"


def test_records_of_one_protocol_reach_the_strictest_setup(record: Make) -> None:
    a, b = from_record(record(id="a")), from_record(record(id="b"))
    verdict = compare(a, b)
    assert (verdict.setup, verdict.flags, verdict.blocked_by) == ("S4.2", ("SX-A", "SX-B"), ())


def test_a_carved_test_split_is_another_data_set(record: Make) -> None:
    carved = with_spec(record(), data_digests={"test": "other"})
    verdict = compare(from_record(record()), from_record(carved))
    assert verdict.setup is None
    assert verdict.flags == ()
    assert [(block.setup, block.field) for block in verdict.blocked_by] == [("S1", "dataset")]


def test_a_different_base_blocks_s2(record: Make) -> None:
    full = record()
    other = record(stages=(full.stages[0].model_copy(update={"digest": "other"}), *full.stages[1:]))
    verdict = compare(from_record(full), from_record(other))
    assert verdict.setup == "S1"
    assert [(block.setup, block.field, block.a, block.b) for block in verdict.blocked_by] == [
        ("S2", "base_checkpoint", "base", "other")
    ]


def test_a_base_trained_again_up_to_the_point_of_rewinding_is_not_charged_twice(record: Make, trained: Any) -> None:
    full = record()
    stages = (*full.stages[:4], Parent(stage="pretrain", key="k9", digest="rewound"), *full.stages[4:])
    ledger = (*full.ledger[:4], trained("pretrain", "constant:1e-1 total:2", 2, 100), *full.ledger[4:])
    result = from_record(full.model_copy(update={"stages": stages, "ledger": ledger}))
    assert (result.base_checkpoint, result.pretrain_epochs) == ("base", 12)
