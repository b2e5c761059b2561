from __future__ import annotations

import pytest

from fairprune.audit import Result
from fairprune.errors import SpecError
from fairprune.schedules import empty, parse


def test_a_schedule_supplies_missing_epochs() -> None:
    assert Result("a", retrain_schedule=parse("constant:1e-3 total:40")).retrain_epochs == 40


def test_no_epochs_have_the_empty_schedule() -> None:
    assert Result("a", prune_epochs=0).prune_schedule == empty()
    assert Result("a").prune_schedule is None


@pytest.mark.parametrize(("kind", "known"), [("prune", []), ("dense", ["prune"]), ("scratch", ["prune", "retrain"])])
def test_what_a_kind_does_not_train_is_known(kind: str, known: list[str]) -> None:
    result = Result("a", kind=kind)  # type: ignore[arg-type]
    stages = ("pretrain", "prune", "retrain")
    assert [stage for stage in stages if getattr(result, f"{stage}_schedule") == empty()] == known
    assert [stage for stage in stages if getattr(result, f"{stage}_epochs") == 0] == known


def test_contradicting_epochs_are_refused() -> None:
    with pytest.raises(SpecError, match=r"result 'a': retrain_epochs is 30, .* has 40; expected the same number"):
        Result("a", retrain_epochs=30, retrain_schedule=parse("constant:1e-3 total:40"))


@pytest.mark.parametrize("rate", [0.0, -2.0, float("nan"), float("inf")])
def test_impossible_rates_are_refused(rate: float) -> None:
    with pytest.raises(SpecError, match=r"result 'a': speedup is .*; expected a finite number above 0"):
        Result("a", speedup=rate)


def test_sums_need_every_stage() -> None:
    known = Result("a", pretrain_epochs=10, pretrain_macs=4, prune_epochs=0, retrain_epochs=5, retrain_macs=2)
    assert (known.epochs, known.cost(), known.cost(("pretrain", "prune")), known.largest()) == (15, 50, 40, 4)
    assert known.schedule is None
    unknown = Result("a", pretrain_epochs=10, pretrain_macs=4, retrain_epochs=5, retrain_macs=2)
    assert (unknown.epochs, unknown.cost()) == (None, None)


def test_a_scratch_run_has_its_training_under_pretrain() -> None:
    with pytest.raises(SpecError, match=r"a scratch run trains nothing in retrain, but retrain_epochs is 90; expected"):
        Result("a", kind="scratch", retrain_epochs=90)
    with pytest.raises(SpecError, match=r"a dense run trains nothing in prune, but prune_epochs is 40$"):
        Result("a", kind="dense", prune_schedule=parse("constant:1e-3 total:40"))
