"""Studies that ask for latency: a stage that retrainings share, ordinary metrics, the machine beside them."""

import json
import textwrap

import pytest

from fairprune.audit import from_record
from fairprune.errors import SpecError
from fairprune.execute.execution import Execution
from fairprune.launch.session import prepare, run
from fairprune.launch.site import Site
from fairprune.measure.timing import median, ratio
from fairprune.spec import Latency, Metrics
from fairprune.stages import pipeline
from fairprune.store import open_store
from fairprune.study import read_study

ASKED = """
    name = "tiny"
    axis = "speedup"
    targets = [2]
    seeds = 1
    control = "filters"
    [task]
    data = "digits"
    network = "digits_cnn"
    [task.pretrain]
    schedule = "constant:5e-2 total:1"
    batch_size = 400
    [methods.filters]
    criterion = "l1_norm"
    [methods.weights]
    criterion = "magnitude"
    [controls]
    random = false
    magnitude = false
    [retraining.finetune]
    schedule = "constant:1e-2 total:1"
    [retraining.scratch]
    kind = "scratch-e"
    methods = ["filters"]
    [metrics]
    latency = {batch_sizes = [1, 4], seconds = 0.01}
"""


def opened(folder, *overrides):
    path = folder / "study.toml"
    path.write_text(textwrap.dedent(ASKED))
    return prepare(read_study(path, overrides), Site(folder / "store", folder=folder, execution=Execution(threads=1)))


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    session = opened(tmp_path_factory.mktemp("latency"))
    run(session, "only-missing", 1, lambda _: None)
    return {(p.labels["method"], p.labels["retraining"]): p for p in session.points}, open_store(session.site.store)


def test_metrics_are_what_the_rounds_say(ran):
    points, store = ran
    point = points["filters", "finetune"]
    record = store.record(point.id)
    [probe] = pipeline(point.spec).probes
    rounds = json.loads(store.blob(store.stage(probe.key).blobs["rounds"]))
    assert rounds.keys() == {"1", "4"}
    for size, seconds in rounds.items():
        named = {(m.name, m.when): m for m in record.metrics if m.name.endswith(f"_b{size}")}
        for name, when in {"dense": "base", "small": "final"}.items():
            taken = median(seconds[name]).value
            assert named[f"latency_b{size}", when].value == pytest.approx(1000 * taken)
            assert named[f"throughput_b{size}", when].value == pytest.approx(int(size) / taken)
        found = [record.metric(f"measured_speedup_b{size}{end}", "none") for end in ("", "_low", "_high")]
        expected = ratio(seconds["dense"], seconds["small"])
        assert found == [expected.value, expected.low, expected.high]
        assert named[f"activations_b{size}", "final"].value < named[f"activations_b{size}", "base"].value
    assert record.metric("file_size", "none", "final") < record.metric("file_size", "none", "base")


def test_masks_leave_files_and_activations_as_they_are(ran):
    points, store = ran
    record = store.record(points["weights", "finetune"].id)
    assert record.speedup == pytest.approx(2, rel=0.02)  # in theory
    for name in ("file_size", "activations_b4"):
        assert record.metric(name, "none", "final") == record.metric(name, "none", "base")
    probed = next(entry for entry in record.ledger if entry.stage == "probe")
    assert probed.executed == "dense"


def test_the_record_says_where_it_was_measured_and_what_it_cost(ran):
    points, store = ran
    record, dense = (store.record(points[name, "finetune"].id) for name in ("filters", "dense"))
    assert record.timed_on.endswith(f"cpu, 1 thread, fp32, channels last, torch {record.environment.torch}")
    [probed] = [entry for entry in record.ledger if entry.stage == "probe"]
    assert probed.samples >= 2 * (1 + 4) * (1 + 2 + 7)  # memory, warming up, seven rounds, of two networks
    assert probed.multiply_adds > probed.samples / 2 * record.small.macs
    assert probed.test_looks == 0
    assert dense.timed_on == ""  # nothing was pruned: there is one architecture
    assert not any(entry.stage == "probe" for entry in dense.ledger)


def test_retrainings_of_one_architecture_share_its_timing(ran):
    points, store = ran
    stages = [pipeline(points["filters", name].spec).probes for name in ("finetune", "scratch")]
    assert [stage.key for (stage,) in stages] == [stages[0][0].key] * 2
    first, second = (store.record(points["filters", name].id) for name in ("finetune", "scratch"))
    assert first.metric("latency_b1", "none") == second.metric("latency_b1", "none")


def test_setups_and_audits_see_nothing_of_it(ran, tmp_path_factory):
    points, store = ran
    asked = from_record(store.record(points["filters", "finetune"].id))
    plain = opened(tmp_path_factory.getbasetemp() / "latency0", "metrics={}")
    started = []
    run(plain, "only-missing", 1, lambda event: started.append(event) if event.kind == "start" else None)
    assert started == []  # every stage is that of the study that asked for more
    point = next(p for p in plain.points if (p.labels["method"], p.labels["retraining"]) == ("filters", "finetune"))
    bare = from_record(store.record(point.id))
    assert (asked.epochs, asked.cost(), asked.test_looks) == (bare.epochs, bare.cost(), bare.test_looks)


def test_who_asked_for_something_else_keeps_his_identities(tmp_path):
    """Those of runs that asked for Jacobians before latency could be asked for."""
    session = opened(tmp_path, 'metrics=["jacobian"]')
    assert {point.id for point in session.points}.isdisjoint(point.id for point in opened(tmp_path).points)
    off = opened(tmp_path, "metrics={jacobian = true, latency = false}")
    assert [point.id for point in session.points] == [point.id for point in off.points]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('["latency"]', Metrics(latency=Latency(batch_sizes=(1, 128), seconds=3))),
        ("{latency = true}", Metrics(latency=Latency())),
        ("{latency = {batch_sizes = [8]}}", Metrics(latency=Latency(batch_sizes=(8,)))),
    ],
)
def test_how_a_study_asks(tmp_path, written, meant):
    (tmp_path / "study.toml").write_text(textwrap.dedent(ASKED))
    assert read_study(tmp_path / "study.toml", [f"metrics={written}"]).metrics == meant


@pytest.mark.parametrize(
    "written", ["{latency = {batch_sizes = []}}", "{latency = {batch_sizes = [0]}}", "{latency = 3}"]
)
def test_what_cannot_be_timed_is_refused_in_one_line(tmp_path, written):
    (tmp_path / "study.toml").write_text(textwrap.dedent(ASKED))
    with pytest.raises(SpecError, match=r"metrics\.latency") as caught:
        read_study(tmp_path / "study.toml", [f"metrics={written}"])
    assert "\n" not in str(caught.value)
