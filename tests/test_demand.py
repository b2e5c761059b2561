"""Demanded setups: what they add to a study, what they refuse before compute, and that the records then reach them."""

import pytest

from fairprune.audit.demand import check_demand
from fairprune.audit.measured import from_record
from fairprune.audit.planned import from_point
from fairprune.audit.setups import compare
from fairprune.demands import derived
from fairprune.errors import SpecError
from fairprune.execute.execution import Execution
from fairprune.expand import Resolver, expand
from fairprune.launch.session import prepare, run
from fairprune.launch.site import Site
from fairprune.store import open_store
from fairprune.study import parse_study

RESOLVER = Resolver(
    data_digests=lambda _: {"train": "t", "validation": "v", "test": "x" * 20}, checkpoint_digest=lambda _: "c"
)
L1, TAYLOR = {"criterion": "l1_norm"}, {"criterion": "taylor"}
FINETUNE = {"finetune": {"schedule": "constant:1e-2 total:2"}}


def study(demand, methods=None, retraining=None, **more):
    table = {
        "name": "s",
        "demand": demand,
        "axis": "speedup",
        "targets": [2.0],
        "seeds": 1,
        "task": {"data": "digits", "network": "digits_cnn", "pretrain": {"schedule": "0:5e-2,3:5e-3 total:4"}},
        "methods": methods or {"l1": L1, "taylor": TAYLOR},
        "retraining": retraining or FINETUNE,
    }
    return parse_study(table | more)


def checked(one):
    points = expand(one, RESOLVER)
    check_demand(one, points)
    return points


@pytest.mark.parametrize("level", ["S1", "S2", "S3.1", "S3.2", "S4.1", "S4.2"])
def test_one_shot_methods_with_one_recipe_meet_every_level(level):
    assert checked(study(level))


GRADUAL = {"criterion": "magnitude", "training": {"hook": "gradual", "schedule": "constant:1e-2 total:1"}}


@pytest.mark.parametrize(
    ("demand", "methods", "message"),
    [
        (
            "S4.1",
            {"gradual": GRADUAL},
            "gradual and random-weight .*S3.2: S4.1 needs one prune_epochs, not '1' and '0'",
        ),
        ("S4.1", {"gradual": GRADUAL | {"granularity": "weight"}}, "reach S3.2"),
        ("S3.2", {"gradual": GRADUAL}, None),
        ("S3.1", {"l1": L1, "twice": {**L1, "rounds": 2}}, "twice .*reach S2: S3.1 needs one retrain_epochs"),
        ("S2", {"l1": L1, "own": {"training": "slimming", "start": "init"}}, "S2 needs one base_checkpoint"),
    ],
)
def test_what_cannot_meet_the_demand_is_refused_with_the_reason(demand, methods, message):
    if message is None:
        checked(study(demand, methods))
        return
    with pytest.raises(SpecError, match=message) as caught:
        checked(study(demand, methods))
    assert "\n" not in str(caught.value)


def test_methods_whose_pruning_is_the_whole_training_are_compared_by_its_recipe():
    table = {"name": "s", "demand": "S4.2", "targets": [2.0], "seeds": 1, "retraining": FINETUNE}
    table["task"] = {"data": "digits", "network": "digits_cnn", "pretrain": {"schedule": "constant:5e-2 total:2"}}
    table["controls"] = {"random": False, "magnitude": False}
    rigl, other = {"training": "rigl"}, {"hook": "set", "recipe": {"optimizer": {"weight_decay": 0.0}}}
    assert checked(parse_study(table | {"methods": {"rigl": rigl, "set": {"training": "set"}}}))
    with pytest.raises(SpecError, match=r"rigl and set .*reach S3.1: S3.2 needs one optimizer"):
        checked(parse_study(table | {"methods": {"rigl": rigl, "set": {"training": other}}}))


def test_retrainings_are_ranked_each_for_itself():
    two = {"small": {"schedule": "constant:1e-3 total:2"}, "large": {"schedule": "constant:1e-2 total:3"}}
    assert checked(study("S4.2", retraining=two))


def test_sx_a_adds_scratch_runs_of_as_many_epochs():
    points = checked(study("SX-A"))
    scratch = [point for point in points if point.spec.kind == "scratch"]
    assert {point.labels["retraining"] for point in scratch} == {"scratch-finetune"}
    assert {from_point(point).epochs for point in points if point.spec.kind != "dense"} == {6.0}


def test_sx_b_adds_scratch_runs_of_as_many_multiply_adds():
    points = checked(study("SX-B"))
    results = {point.spec.kind: from_point(point) for point in points if point.labels["method"] == "l1"}
    assert results["scratch"].epochs == 4 * 2 + 2
    assert results["scratch"].cost() == pytest.approx(results["prune"].cost()) == 5


def test_sx_b_cannot_be_foreseen_without_a_speedup():
    with pytest.raises(SpecError, match=r"demands SX-B, but for .* as many multiply-adds"):
        checked(study("SX-B", axis="compression"))


def test_named_scratch_runs_are_taken_as_they_are_and_judged():
    short = {**FINETUNE, "scratch": {"kind": "scratch-e"}}
    one = study("SX-A", retraining=short)
    assert derived(one) is one
    with pytest.raises(
        SpecError, match=r"SX-A, but for l1 .*\(6 epochs in all\) none of its 1 scratch runs has as many"
    ):
        checked(one)


def test_an_overall_schedule_needs_its_pruning_epochs():
    with pytest.raises(SpecError, match='kind = "overall", prune_at = EPOCH'):
        checked(study("S4.2-overall"))
    with pytest.raises(SpecError, match="overall needs prune_at = EPOCH, below the base's 4 epochs"):
        checked(study("S4.2-overall", retraining={"p9": {"kind": "overall", "prune_at": 9}}))
    with pytest.raises(SpecError, match="finetune has no use for 'prune_at'"):
        study("", retraining={"f": {"schedule": "constant:1e-2 total:2", "prune_at": 1}})


def test_records_reach_the_overall_setup(tmp_path):
    one = study(
        "S4.2-overall",
        methods={"l1": L1},
        retraining={"p1": {"kind": "overall", "prune_at": 1}, "p3": {"kind": "overall", "prune_at": 3}},
        controls={"dense": True, "random": False, "magnitude": False},
    )
    session = prepare(one, Site(tmp_path, execution=Execution(threads=1)))
    check_demand(one, session.points)
    run(session, "only-missing", 1, lambda _: None)
    store = open_store(tmp_path)
    found = {}
    for point in session.points:
        record = store.record(point.id)
        assert record.status == "done", record.reason
        found[record.spec.kind, point.labels["retraining"]] = from_record(record)
    scratch = found["scratch", "scratch"]
    for name, epochs in (("p1", (1, 3)), ("p3", (3, 1))):
        pruned = found["prune", name]
        assert (pruned.pretrain_epochs, pruned.retrain_epochs) == epochs
        assert "S4.2-overall" in compare(pruned, scratch).flags
        assert "SX-A" in compare(pruned, scratch).flags
    assert found["prune", "p1"].base_checkpoint != found["prune", "p3"].base_checkpoint
    assert found["dense", "p1"].epochs == 4
