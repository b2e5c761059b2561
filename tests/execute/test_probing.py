"""What a study asks for besides accuracy and size: stages of their own, ordinary metrics, what they cost."""

import json
import textwrap
from dataclasses import replace

import pytest
import torch

from fairprune import seeds
from fairprune.audit import from_record
from fairprune.canonical import digest
from fairprune.errors import SpecError
from fairprune.execute import probing
from fairprune.execute.execution import Execution
from fairprune.execute.models import load_model
from fairprune.launch.session import prepare, run
from fairprune.launch.site import Site
from fairprune.measure.jacobian import spectrum
from fairprune.spec import Jacobian, Metrics
from fairprune.stages import pipeline
from fairprune.store import open_store
from fairprune.study import read_study
from fairprune.trainability import convergence, trainability

PLAIN = """
    name = "tiny"
    axis = "speedup"
    targets = [2]
    seeds = 1
    control = "filters"
    [task]
    data = "digits"
    network = "digits_cnn"
    [task.pretrain]
    schedule = "constant:5e-2 total:2"
    batch_size = 400
    [methods.filters]
    criterion = "l1_norm"
    [methods.set]
    training = {hook = "set", schedule = "constant:5e-2 total:0.3"}
    [controls]
    dense = false
    random = false
    magnitude = false
    [retraining.finetune]
    schedule = "0:1e-2,7:1e-3 total:8"
    [retraining.scratch]
    kind = "scratch-e"
    methods = ["filters"]
"""
ASKED = PLAIN + "    [metrics]\n    trainability = true\n    jacobian = {samples = 16, along = true}\n"
NAMES = {"jsv_mean", "jsv_std", "jsv_min", "jsv_max", "jacobian_condition", "isometry_distance"}


def opened(folder, text, *overrides):
    path = folder / "study.toml"
    path.write_text(textwrap.dedent(text))
    return prepare(read_study(path, overrides), Site(folder / "store", folder=folder, execution=Execution(threads=1)))


class Ran:
    """The study, run: its points by method and retraining, and their records."""

    def __init__(self, folder):
        self.folder, self.session = folder, opened(folder, ASKED)
        run(self.session, "only-missing", 1, lambda _: None)
        self.workshop = self.session.open()
        self.store = self.workshop.store
        self.points = {(p.labels["method"], p.labels["retraining"]): p for p in self.session.points}

    def record(self, *labels):
        record = self.store.record(self.points[labels].id)
        assert record.status == "done", record.reason
        return record

    def stages(self, *labels):
        return pipeline(self.points[labels].spec)

    def curve(self, record, stage):
        return json.loads(self.store.blob(record.curves[stage]))


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    return Ran(tmp_path_factory.mktemp("probing"))


def test_jacobians_are_those_of_the_networks_on_a_fixed_sample(ran):
    record, stages = ran.record("filters", "finetune"), ran.stages("filters", "finetune")
    task = ran.points["filters", "finetune"].spec.task
    loader = ran.workshop.loader(task, "train")
    order = torch.randperm(len(loader.split), generator=seeds.generator("jacobian"))[:16]
    inputs = [images for images, _ in loader.at(order)]
    networks = {"base": stages.base, "pruned": stages.pruned, "final": stages.final}
    for when, stage in networks.items():
        network = load_model(ran.workshop, stage, ran.store.stage(stage.key)).network
        expected = {m.name: m for m in spectrum(network, inputs).metrics(when)}
        assert expected.keys() == NAMES
        for name, metric in expected.items():
            found = next(m for m in record.metrics if (m.name, m.when) == (name, when))
            assert found == metric
    assert len({record.metric("jsv_mean", "train", when) for when in networks}) == 3


def test_what_is_measured_is_in_the_ledger(ran):
    record = ran.record("filters", "finetune")
    charged = [entry for entry in record.ledger if entry.stage == "probe"]
    dense, small = record.dense.macs, record.small.macs
    looks = 16 * 11  # samples x (one pass and ten products)
    assert [e.multiply_adds for e in charged[:3]] == [looks * dense, looks * small, looks * small]
    assert [(e.samples, e.executed, e.test_looks, e.epochs) for e in charged[:3]] == [(16, "small", 0, 0.0)] * 3
    retrained = next(entry for entry in record.ledger if entry.stage == "retrain")
    assert charged[3].multiply_adds == retrained.multiply_adds + 8 * looks * small
    assert (charged[3].epochs, charged[3].schedule) == (8, retrained.schedule)
    assert sum(entry.test_looks for entry in record.ledger) == 2


def test_along_retraining_is_the_retraining_to_the_bit(ran):
    record = ran.record("filters", "finetune")
    counted, along = ran.curve(record, "retrain"), ran.curve(record, "probe")
    assert len(along) == 8
    assert all(row.keys() == counted[0].keys() | NAMES for row in along)
    assert [{name: row[name] for name in counted[0]} for row in along] == counted
    assert along[-1]["jsv_mean"] == pytest.approx(record.metric("jsv_mean", "train"), rel=1e-5)  # in another layout
    assert along[0]["jsv_mean"] != along[-1]["jsv_mean"]


def test_a_repetition_that_was_stopped_goes_on_where_it_was(ran):
    stage = ran.stages("filters", "finetune").probes[-1]
    parents = tuple(ran.store.stage(parent.key) for parent in stage.parents)

    def stop(_stage, _epochs, curve):
        if len(curve) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        probing.probe(replace(ran.workshop, on_epoch=stop), stage, parents)
    rows = []
    again = probing.probe(replace(ran.workshop, on_epoch=lambda *told: rows.append(len(told[2]))), stage, parents)
    assert rows == [4, 5, 6, 7, 8]
    before = ran.store.stage(stage.key)
    assert (again.blobs, again.ledger.multiply_adds) == (before.blobs, before.ledger.multiply_adds)


def test_trainability_is_read_off_the_curve(ran):
    record = ran.record("filters", "finetune")
    rows = ran.curve(record, "retrain")
    schedule = from_record(record).retrain_schedule
    first = [row["top1"] for row in rows[:7]]
    assert record.metric("trainability", "validation") == pytest.approx(sum(first) / 7)
    assert record.metric("trainability", "validation") == trainability(rows, "top1", schedule)
    slope = convergence(rows, "top1", schedule)
    found = [record.metric(f"convergence_{name}", "validation") for name in ("slope", "low", "high")]
    assert found == [slope.value, slope.low, slope.high]
    assert record.metric("under_converged", "validation") == slope.rising
    reached = next(row["epoch"] for row in rows if row["top1"] >= 0.95 * rows[-1]["top1"])
    assert record.metric("epochs_to_95", "validation") == reached
    assert record.metric("top1", "validation", "pruned") is not None
    named = {m.name: m for m in record.metrics if m.split == "validation"}
    assert (named["trainability"].unit, named["trainability"].n) == ("fraction", named["top1"].n)
    assert (named["epochs_to_95"].direction, named["under_converged"].direction) == ("lower", "lower")


def test_who_trains_otherwise_has_what_there_is(ran):
    """Scratch has no retraining and no pruned weights; what prunes while it trains has one network for both."""
    scratch, within = ran.record("filters", "scratch"), ran.record("set", "train")
    assert {m.when for m in scratch.metrics if m.name == "jsv_mean"} == {"base", "final"}
    assert len(ran.stages("filters", "scratch").probes) == len(ran.stages("set", "train").probes) == 2
    assert within.metric("jsv_mean", "train", "pruned") == within.metric("jsv_mean", "train")
    assert within.metric("jsv_mean", "train", "base") != within.metric("jsv_mean", "train")
    assert [entry.executed for entry in within.ledger if entry.stage == "probe"] == ["small", "dense"]
    for record in (scratch, within):
        assert record.metric("trainability", "validation") is None
        assert "probe" not in record.curves


def test_the_audit_compares_what_it_compared(ran):
    """Probes are charged to nothing that setups look at."""
    asked = from_record(ran.record("filters", "finetune"))
    session = opened(ran.folder, PLAIN)
    started = []
    run(session, "only-missing", 1, lambda event: started.append(event) if event.kind == "start" else None)
    assert started == []  # every stage is that of the study that asked for more
    plain = {(p.labels["method"], p.labels["retraining"]): p for p in session.points}
    record = ran.store.record(plain["filters", "finetune"].id)
    assert "probe" not in {entry.stage for entry in record.ledger}
    assert NAMES.isdisjoint(m.name for m in record.metrics)
    bare = from_record(record)
    assert (asked.epochs, asked.cost(), asked.test_looks) == (bare.epochs, bare.cost(), bare.test_looks)


def test_identities_are_those_of_runs_that_could_not_ask(tmp_path):
    plain, asked = opened(tmp_path, PLAIN), opened(tmp_path, ASKED)
    for point in plain.points:
        table = point.spec.model_dump(mode="json")
        assert table.pop("metrics") == {"split": "test", "trainability": False, "jacobian": None, "latency": None}
        assert (table["retraining"].pop("prune_at"), table["retraining"].pop("tuned")) == (0, None)  # the same holds
        assert point.id == digest(table)[:16]
    assert not {p.id for p in plain.points} & {p.id for p in asked.points}
    before = {stage.key for stage in plain.stages(plain.points)}
    after = {stage.key: stage.kind for stage in asked.stages(asked.points)}
    assert before < after.keys()
    assert {after[key] for key in after.keys() - before} == {"probe"}
    fewer = opened(tmp_path, ASKED, "metrics.jacobian.along=false")
    assert {s.key for s in fewer.stages(fewer.points)} < after.keys()


def test_a_run_that_diverges_says_so_and_not_that_its_repetition_did(tmp_path):
    session = opened(tmp_path, ASKED, "retraining.finetune.schedule=constant:1e30 total:2", "methods.filters.rounds=1")
    run(session, "only-missing", 1, lambda _: None)
    store = open_store(session.site.store)
    point = next(p for p in session.points if (p.labels["method"], p.spec.kind) == ("filters", "prune"))
    record = store.record(point.id)
    assert (record.status, record.reason[:9]) == ("diverged", "retrain: ")
    assert record.metric("trainability", "validation") is None
    assert record.metric("jsv_mean", "train", "pruned") is not None
    assert record.metric("jsv_mean", "train") is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('["jacobian", "trainability"]', Metrics(trainability=True, jacobian=Jacobian(samples=128))),
        ('["jacobian"]', Metrics(jacobian=Jacobian())),
        ("{jacobian = true}", Metrics(jacobian=Jacobian())),
        ("{jacobian = false}", Metrics()),
        ("{jacobian = {samples = 7}}", Metrics(jacobian=Jacobian(samples=7))),
        ("[]", Metrics()),
    ],
)
def test_how_a_study_asks(tmp_path, written, meant):
    (tmp_path / "study.toml").write_text(textwrap.dedent(PLAIN))
    assert read_study(tmp_path / "study.toml", [f"metrics={written}"]).metrics == meant


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('["jacobean"]', "unknown key 'jacobean'; did you mean 'jacobian'.*in metrics"),
        ("{jacobian = {sample = 7}}", "unknown key 'sample'; did you mean 'samples'.*in metrics.jacobian"),
        ("{jacobian = {samples = 0}}", "greater than or equal to 1"),
        ("{jacobian = 7}", "metrics.jacobian"),
        ("[7]", "metrics"),
        ('"jacobian"', "metrics"),
    ],
)
def test_what_nobody_measures_is_refused_in_one_line(tmp_path, written, message):
    (tmp_path / "study.toml").write_text(textwrap.dedent(PLAIN))
    with pytest.raises(SpecError, match=message) as caught:
        read_study(tmp_path / "study.toml", [f"metrics={written}"])
    assert "\n" not in str(caught.value)
