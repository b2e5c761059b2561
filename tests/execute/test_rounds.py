"""Iterative pruning: what a record says of several rounds is about the dense network and the last round."""

import json
import textwrap

import pytest

from fairprune.execute.execution import Execution
from fairprune.launch.session import prepare, run
from fairprune.launch.site import Site
from fairprune.stages import pipeline
from fairprune.store import open_store
from fairprune.study import read_study

STUDY = """
    name = "rounds"
    axis = "ratio"
    targets = [0.75]
    seeds = 1
    [task]
    data = "digits"
    network = "digits_cnn"
    [task.pretrain]
    schedule = "constant:5e-2 total:1"
    [methods.filters]
    criterion = "l1_norm"
    granularity = "channel"
    rounds = 2
    [methods.own]
    criterion = "magnitude"
    allocation = "mine:half"
    [controls]
    dense = false
    random = false
    magnitude = false
    [retraining.rewound]
    kind = "weight-rewind"
    rewind_to = 0.5
"""
MINE = """
    def half(scores, keep, minimum):
        return {name: max(round(keep * len(s)), minimum) for name, s in scores.items()}
"""


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """Store and method -> (point, record) of the study, with an allocation of the user's own beside it."""
    folder = tmp_path_factory.mktemp("rounds")
    (folder / "study.toml").write_text(textwrap.dedent(STUDY))
    (folder / "mine.py").write_text(textwrap.dedent(MINE))
    site = Site(folder / "store", folder=folder, execution=Execution(threads=1))
    session = prepare(read_study(folder / "study.toml"), site)
    run(session, "only-missing", 1, lambda _: None)
    store = open_store(site.store)
    return store, {point.labels["method"]: (point, store.record(point.id)) for point in session.points}


def test_units_are_those_of_the_dense_network_in_every_round(studied):
    _, found = studied
    point, record = found["filters"]
    assert record.status == "done", record.reason
    dense = sum(size for _, size in record.kept.values())
    kept = sum(count for count, _ in record.kept.values())
    assert abs(kept - 0.25 * dense) < len(record.kept)
    store, _ = studied
    rounds = [store.stage(s.key).info["kept"] for s in pipeline(point.spec).order if s.kind == "prune"]
    assert [{size for _, size in kept.values()} for kept in rounds] == [{s for _, s in record.kept.values()}] * 2
    assert record.on_target


def test_metrics_and_curves_are_the_last_rounds(studied):
    store, found = studied
    point, record = found["filters"]
    results = {s.key: store.stage(s.key) for s in pipeline(point.spec).order}
    last = results[pipeline(point.spec).final.key]
    assert record.metric("top1", "validation") == next(m.value for m in last.metrics if m.name == "top1")
    pruned = results[pipeline(point.spec).pruned.key]
    assert record.metric("top1", "validation", "pruned") == next(m.value for m in pruned.metrics if m.name == "top1")
    assert len(record.metrics) == len({(m.name, m.split, m.when) for m in record.metrics})
    assert record.curves["retrain"] == last.blobs["curve"]


def test_the_curve_of_the_base_is_the_bases_and_not_that_of_the_weights_rewound_to(studied):
    store, found = studied
    _, record = found["filters"]
    assert [row["epoch"] for row in json.loads(store.blob(record.curves["pretrain"]))] == [1.0]


def test_an_allocation_of_ones_own_is_looked_for_beside_the_study(studied):
    _, found = studied
    _, record = found["own"]
    assert record.status == "done", record.reason
