"""Records do not depend on which worker says what first."""

import os
import textwrap

import pytest

from fairprune.errors import StoreError
from fairprune.execute.execution import Execution
from fairprune.launch.pool import work_in_processes
from fairprune.launch.session import _Recorder, prepare, run
from fairprune.launch.site import Site
from fairprune.launch.worker import Event
from fairprune.stages import pipeline
from fairprune.store import open_store
from fairprune.study import read_study

STUDY = """
    name = "one"
    targets = [2]
    seeds = 1
    [task]
    data = "digits"
    network = "digits_cnn"
    [task.pretrain]
    schedule = "constant:5e-2 total:0.5"
    [methods.random]
    criterion = "random"
    [controls]
    dense = false
    magnitude = false
    [retraining.finetune]
    schedule = "constant:1e-2 total:0.2"
"""


@pytest.fixture
def open_study(tmp_path):
    def open_study(*overrides):
        path = tmp_path / "study.toml"
        path.write_text(textwrap.dedent(STUDY))
        site = Site(tmp_path / "store", folder=tmp_path, execution=Execution(threads=1))
        return prepare(read_study(path, overrides), site)

    return open_study


def told(session, store, *first):
    """The record that comes of a worker's telling these (kind, stage) events first, and then all that the store has."""
    (point,) = session.points
    order = pipeline(point.spec).order
    ends = {s.key: "done" if (r := store.stage(s.key)) and r.status == "done" else "failed" for s in order}
    recorder = _Recorder(store, session.points)
    stages = {stage.kind: stage for stage in order}
    for kind, name in first:
        recorder.hear(Event(kind, stages[name].key, name, note="said first"))
    for stage in order:
        recorder.hear(Event(ends[stage.key], stage.key, stage.kind, note="said last"))
    return store.record(point.id)


def test_a_diverged_run_keeps_what_other_stages_left_even_if_its_failure_is_heard_first(open_study):
    session = open_study("retraining.finetune.schedule=constant:1e30 total:5")
    run(session, "only-missing", 1, lambda _: None)
    store = open_store(session.site.store)
    record = told(session, store, ("failed", "retrain"))
    assert record.attempt == 1
    assert record.status == "diverged"
    assert record.dense is not None
    assert record.metric("top1", when="base") is not None
    assert (record.ledger[-1].epochs, record.ledger[-1].steps) == (1.0, 11)  # of the 5 that were asked for
    assert [entry.stage for entry in record.ledger] == ["pretrain", "measure", "score", "prune", "retrain"]


def test_what_failed_in_one_worker_and_worked_in_another_is_done(open_study):
    session = open_study()
    run(session, "only-missing", 1, lambda _: None)
    store = open_store(session.site.store)
    assert told(session, store, ("failed", "score")).status == "done"


def test_a_reason_is_one_line(open_study, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import fairprune as fp\n@fp.criterion()\ndef broken(context):\n    raise RuntimeError('one\\ntwo')\n"
    )
    session = open_study("methods.random.criterion=mine:broken", "controls.random=false")
    run(session, "only-missing", 1, lambda _: None)
    reason = open_store(session.site.store).record(session.points[0].id).reason
    assert reason == "score: RuntimeError: one (mine.py:4)"


def test_workers_end_when_nobody_can_write_their_records(open_study):
    session = open_study("task.pretrain.schedule=constant:1e-3 total:3000")
    began = []

    def tell(event):
        began.append(event)
        raise StoreError("the disk is full")

    with pytest.raises(StoreError, match="disk is full"):
        work_in_processes(session.site, session.stages(session.points), 2, tell)
    assert len(began) == 1
    assert list(open_store(session.site.store).objects.names("stages/")) == []


def test_data_is_loaded_once_in_a_process(open_study, monkeypatch):
    session = open_study()
    monkeypatch.setattr("fairprune.data.load.load_data", None)  # whoever loads it again breaks
    run(session, "only-missing", 1, lambda _: None)
    assert open_store(session.site.store).record(session.points[0].id).status == "done"


def test_matrix_products_on_a_gpu_may_be_deterministic(open_study, monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    session = open_study()
    session.site.open()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
