"""Studies end to end, on digits: sharing, resuming, identity, failures, damage."""

import errno
import os
import textwrap
from dataclasses import replace

import pytest
import torch

from fairprune.audit.measured import from_record
from fairprune.errors import FairpruneError, StoreError
from fairprune.execute.execution import Execution
from fairprune.launch.session import chosen, prepare, run
from fairprune.launch.site import Site
from fairprune.store import open_store
from fairprune.study import read_study

STUDY = """
    name = "tiny"
    targets = [2, 3]
    seeds = 2
    control = "random*"
    [task]
    data = "digits"
    network = "digits_cnn"
    [task.pretrain]
    schedule = "constant:5e-2 total:2"
    [methods.random]
    criterion = "random"
    [methods.filters]
    criterion = "l1_norm"
    granularity = "channel"
    [controls]
    random = false
    magnitude = false
    [retraining.finetune]
    schedule = "constant:1e-2 total:0.5"
"""

ITERATIVE = """
    [methods.iterative]
    criterion = "gradient_weight"
    rounds = 2
    [methods.like]
    criterion = "random"
    allocation = "like:iterative"
    [methods.given]
    criterion = "l2_norm"
    granularity = "channel"
    allocation = "uniform"
    [retraining.rewound]
    kind = "weight-rewind"
    rewind_to = 1
    methods = ["iterative"]
    [retraining.scratch]
    kind = "scratch-b"
    granularity = "channel"
    max_factor = 1.5
"""


@pytest.fixture
def open_study(tmp_path):
    def open_study(text=STUDY, store="store", *overrides):
        path = tmp_path / "study.toml"
        path.write_text(textwrap.dedent(text))
        site = Site(tmp_path / store, folder=tmp_path, execution=Execution(threads=1))
        return prepare(read_study(path, overrides), site)

    return open_study


def run_all(session, policy="only-missing", jobs=1):
    """Run and return the keys of stages that were computed."""
    started = []
    run(session, policy, jobs, lambda event: started.append(event.key) if event.kind == "start" else None)
    return started


def records(session):
    store = open_store(session.site.store)
    return {point.id: store.record(point.id) for point in session.points}


def without_times(record):
    """Everything of a record but seconds, the end, and the environment."""
    table = record.model_dump(exclude={"finished", "environment"})
    for entry in table["ledger"]:
        del entry["seconds"]
    return table


def test_a_study_leaves_a_whole_record_of_every_run(open_study):
    session = open_study()
    computed = run_all(session)
    found = records(session)
    assert {r.status for r in found.values()} == {"done"}
    assert len(found) == 2 * (1 + 2 * 2)
    assert len(computed) == len(set(computed)) == len(session.stages(session.points))
    for record in found.values():
        assert 0 <= record.metric("top1") <= 1
        assert record.metric("top1", when="base") is not None
        assert [entry.stage for entry in record.ledger].count("pretrain") == 1
        assert sum(entry.test_looks for entry in record.ledger) == 2
        assert {parent.stage for parent in record.stages} >= {"pretrain", "retrain", "measure"}
    for record in (r for r in found.values() if r.spec.kind == "prune"):
        assert record.compression == pytest.approx(record.spec.target.value, rel=0.01) or not record.on_target
        assert record.metric("top1", "validation", "pruned") is not None


def test_how_steps_were_made_is_recorded_and_part_of_no_identity(open_study, monkeypatch):
    """And results of compiled code stand apart from others, as those of another library would."""
    monkeypatch.setattr(torch, "compile", lambda network: network)
    monkeypatch.setattr(torch.compiler, "reset", lambda: None)
    session = open_study(STUDY, "store", "targets=[2]", "seeds=1", "methods.random.granularity=channel")
    keys = {stage.key for stage in session.stages(session.points)}
    compiled = replace(session, site=replace(session.site, execution=Execution(threads=1, step="compile")))
    assert {stage.key for stage in compiled.stages(compiled.points)} == keys
    run_all(compiled)
    found = records(compiled).values()
    assert {(e.stage, e.step) for record in found for e in record.ledger if e.steps} == {
        ("pretrain", "compile"),
        ("retrain", "compile"),
    }
    assert all(entry.step == "" for record in found for entry in record.ledger if not entry.steps)
    assert {from_record(record).libraries.endswith(" compiled") for record in found} == {True}


def test_the_base_is_trained_once_and_shared(open_study):
    session = open_study(STUDY, "store", "targets=[2]")
    run_all(session)
    bases = {(r.spec.base_seed, r.stages[0].digest) for r in records(session).values()}
    assert len(bases) == 2


def test_bases_come_first_and_parents_before_children(open_study):
    session = open_study(STUDY + ITERATIVE)
    stages = session.stages(session.points)
    kinds = [stage.kind for stage in stages]
    assert kinds == sorted(kinds, key=lambda kind: kind != "pretrain")
    place = {stage.key: index for index, stage in enumerate(stages)}
    assert len(place) == len(stages)
    names = session.names(session.points)
    assert names.keys() == place.keys()
    assert all(place[parent.key] < place[stage.key] for stage in stages for parent in stage.parents)


def test_every_stage_has_a_name_of_its_own(open_study, tmp_path):
    text = textwrap.dedent(STUDY + ITERATIVE)
    task = text[text.index("[task]") : text.index("[methods.random]")]
    two = [task.replace("[task", f"[tasks.{name}").replace("digits_cnn", f"digits_{name}") for name in ("cnn", "own")]
    (tmp_path / "mine.py").write_text("from fairprune.networks.digits import digits_cnn as net\n")
    text = text.replace(task, "".join(two)).replace("digits_own", "mine:net")
    session = open_study(text, "store", "metrics={latency = true, jacobian = {along = true}}")
    names = session.names(session.points)
    assert names.keys() == {stage.key for stage in session.stages(session.points)}
    assert len(set(names.values())) == len(names)


def test_names_say_what_tells_stages_apart_and_for_how_many_runs_they_are(open_study):
    session = open_study()
    names = set(session.names(session.points).values())
    assert {"pretrain seed 0, for 5 runs", "measure base seed 1, for 5 runs"} <= names
    assert {"score filters (2 targets) seed 1, for 2 runs", "prune filters compression 2x seed 1"} <= names
    assert {"retrain filters compression 2x seed 1", "measure filters compression 2x seed 1"} <= names
    session = open_study(STUDY + ITERATIVE)  # several retrainings
    names = set(session.names(session.points).values())
    assert {"retrain dense finetune seed 0", "retrain dense rewound seed 0"} <= names
    assert "prune filters compression 2x seed 1, for 2 runs" in names  # finetune and scratch
    assert "pretrain to epoch 1 seed 0, for 3 runs" in names
    assert "score iterative compression 2x round 2 rewound seed 0" in names


def test_the_same_command_again_computes_nothing(open_study):
    session = open_study()
    run_all(session)
    assert run_all(session) == []
    assert chosen(session.points, open_store(session.site.store), "only-missing") == []


def test_adding_a_method_runs_only_what_is_new(open_study):
    first = open_study()
    before = set(run_all(first))
    more = open_study(STUDY.replace("[controls]", '[methods.magnitude]\n    criterion = "magnitude"\n    [controls]'))
    new = run_all(more)
    assert not before & set(new)
    assert len(new) == 2 * (1 + 2 * 3)  # a seed: scores once, then prune, retrain, measure for each target


def test_the_same_study_in_two_stores_gives_identical_records(open_study):
    one, two = (open_study(STUDY + ITERATIVE, store, "seeds=1", "targets=[2]") for store in ("one", "two"))
    run_all(one)
    run_all(two, jobs=2)
    first, second = records(one), records(two)
    assert first.keys() == second.keys()
    for run_id, record in first.items():
        assert record.status == "done", record.reason
        assert without_times(record) == without_times(second[run_id])


def test_lost_records_are_assembled_again_without_computing(open_study):
    session = open_study(STUDY, "store", "seeds=1")
    run_all(session)
    before = records(session)
    for path in (session.site.store / "records").rglob("*.json"):
        path.unlink()
    assert run_all(session) == []
    again = {k: without_times(r) for k, r in records(session).items()}
    assert again == {k: without_times(r) for k, r in before.items()}


def test_a_damaged_blob_is_computed_again(open_study):
    session = open_study()
    run_all(session)
    store = open_store(session.site.store)
    point = next(p for p in session.points if p.spec.kind == "prune")
    key = next(parent.key for parent in store.record(point.id).stages if parent.stage == "retrain")
    blob = store.stage(key).blobs["network"]
    path = session.site.store / "blobs" / blob[:2] / blob
    path.write_bytes(b"x" + path.read_bytes()[1:])
    (session.site.store / "records" / point.id / "0000.json").unlink()
    assert run_all(session) == [key]
    assert store.blob(blob)


def test_always_computes_everything_once_more(open_study):
    session = open_study(STUDY, "store", "seeds=1", "targets=[2]")
    before = run_all(session)
    assert sorted(run_all(session, "always")) == sorted(before)
    assert {r.attempt for r in records(session).values()} == {1}


def test_divergence_is_a_record(open_study):
    session = open_study(STUDY, "store", "retraining.finetune.schedule=constant:1e30 total:1", "targets=[2]")
    run_all(session)
    found = records(session)
    assert {r.status for r in found.values()} == {"diverged"}
    assert all("epoch 1" in r.reason for r in found.values())
    assert run_all(session) == []
    assert run_all(session, "only-failed")


def test_runs_whose_base_or_model_method_fails_are_skipped_and_say_why(open_study, tmp_path):
    session = open_study(STUDY, "store", "task.pretrain.schedule=constant:1e30 total:1", "targets=[2]", "seeds=1")
    run_all(session)
    assert {(r.status, r.reason[:17]) for r in records(session).values()} == {("skipped", "its base diverged")}
    (tmp_path / "mine.py").write_text(
        "import fairprune as fp\n@fp.criterion()\ndef broken(context):\n    raise RuntimeError('no idea')\n"
    )
    like = '[methods.broken]\n    criterion = "mine:broken"\n    [methods.like]\n    criterion = "random"\n'
    like += '    allocation = "like:broken"\n    [controls]'
    session = open_study(STUDY.replace("[controls]", like), "other", "targets=[2]", "seeds=1")
    run_all(session)
    statuses = {r.labels["method"]: (r.status, r.reason) for r in records(session).values()}
    assert statuses["broken"][0] == "failed"
    assert statuses["like"][0] == "skipped"
    assert statuses["like"][1].startswith("the method that it is like failed: score: RuntimeError: no idea")


def test_a_criterion_that_breaks_fails_its_own_runs_only(open_study, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import fairprune as fp\n@fp.criterion()\ndef broken(context):\n    raise RuntimeError('no idea')\n"
    )
    session = open_study(STUDY.replace('"random"\n    [methods.filters]', '"mine:broken"\n    [methods.filters]'))
    run_all(session)
    found = records(session)
    statuses = {r.labels["method"]: r.status for r in found.values()}
    assert statuses == {"dense": "done", "random": "failed", "filters": "done"}
    reason = next(r.reason for r in found.values() if r.status == "failed")
    assert "no idea" in reason
    assert "mine.py:4" in reason


def test_a_target_out_of_reach_is_refused_before_any_compute(open_study):
    session = open_study(STUDY, "store", "targets=[2,5000]")
    with pytest.raises(FairpruneError, match=r"method random: .*5000x is out of reach"):
        run_all(session)
    assert list(open_store(session.site.store).objects.names("stages/")) == []


def test_a_worker_on_a_lost_store_stops_with_one_line(open_study):
    session = open_study()
    site = replace(session.site, store=session.site.store / "stages" / "file")
    site.store.parent.mkdir(parents=True)
    site.store.write_text("")
    with pytest.raises(FairpruneError, match="cannot be written"):
        run(replace(session, site=site), "only-missing", 2, lambda _: None)


def test_a_full_disk_stops_with_one_line_and_loses_nothing(open_study, monkeypatch):
    session = open_study(STUDY, "store", "seeds=1", "targets=[2]")
    written, sync = [], os.fsync

    def full(descriptor):
        written.append(descriptor)
        if len(written) > 12:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match=r"cannot write .*: No space left on device"):
            run_all(session)
    kept = {path.stem for path in (session.site.store / "stages").glob("*.json")}
    assert kept
    assert not open_store(session.site.store).damaged()
    assert not kept & set(run_all(session))
    assert {r.status for r in records(session).values()} == {"done"}
