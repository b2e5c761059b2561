"""A study on published weights: the checkpoint is the base, reaches its published accuracy, and has no recipe."""

import textwrap

import pytest

from fairprune.errors import FairpruneError
from fairprune.execute.execution import Execution
from fairprune.launch.session import prepare, run
from fairprune.launch.site import Site
from fairprune.store import open_store
from fairprune.study import read_study

STUDY = """
    name = "published"
    targets = [2]
    axis = "speedup"
    seeds = 1
    [task]
    checkpoint = "weights/resnet20-12fca82f.th"
    [task.network]
    name = "{network}"
    [task.data]
    name = "cifar10"
    validation = 0.01
    normalise = "imagenet"
    [methods.filters]
    criterion = "l1_norm"
    granularity = "channel"
    allocation = "uniform"
    [controls]
    random = false
    [retraining.finetune]
    schedule = "constant:1e-3 total:0.005"
"""


@pytest.fixture
def session(data_root, tmp_path):
    def session(network="resnet20"):
        path = tmp_path / "study.toml"
        path.write_text(textwrap.dedent(STUDY).format(network=network))
        return prepare(read_study(path), Site(tmp_path / "store", data_root, tmp_path, execution=Execution(threads=1)))

    return session


@pytest.mark.data
def test_published_weights_are_a_base(session):
    opened = session()
    run(opened, "only-missing", 1, lambda _: None)
    store = open_store(opened.site.store)
    records = [store.record(point.id) for point in opened.points]
    assert [record.status for record in records] == ["done", "done"]
    for record in records:
        assert record.metric("top1", when="base") == pytest.approx(0.915, abs=0.0011)  # of the first 1,000 test images
        assert record.ledger[0].schedule == ""
    assert records[1].speedup == pytest.approx(2, rel=0.01)


@pytest.mark.data
def test_a_checkpoint_that_does_not_fit_is_refused_before_compute(session):
    opened = session("resnet32")
    with pytest.raises(FairpruneError, match=r"resnet20-12fca82f.th.*missing"):
        run(opened, "only-missing", 1, lambda _: None)
    assert not list(open_store(opened.site.store).objects.names("stages/"))
