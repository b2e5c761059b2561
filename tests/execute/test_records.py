"""From results of stages to records: whose stages they are, and whose fault a failure is."""

import pytest

from fairprune.execute.records import assemble
from fairprune.expand import Resolver, expand
from fairprune.record import Environment, LedgerEntry, StageResult
from fairprune.stages import pipeline
from fairprune.store import open_store
from fairprune.study import parse_study

RESOLVER = Resolver(
    data_digests=lambda _: {"train": "t", "validation": "v", "test": "x"}, checkpoint_digest=lambda _: "c"
)
HERE = Environment(
    fairprune="", python="", torch="", platform="", processor="", device="cpu", threads=1, deterministic=True
)


def point(method, **others):
    """The run of `method` in a study of it and of others."""
    table = {
        "name": "s",
        "targets": [2.0],
        "seeds": 1,
        "task": {"data": "digits", "network": "digits_cnn", "pretrain": {"schedule": "constant:5e-2 total:1"}},
        "methods": {"mine": method, **others},
        "retraining": {"tune": {"schedule": "constant:1e-2 total:1"}},
    }
    return next(p for p in expand(parse_study(table), RESOLVER) if p.labels["method"] == "mine")


def left(stage, status="done"):
    """What a stage might have left."""
    size = {"params": 1, "macs": 1}
    return StageResult(
        key=stage.key,
        kind=stage.kind,
        status=status,
        digest=stage.key,
        blobs={"correct": ""},
        info={"size": size, "kept": {}, "on_target": True},
        ledger=LedgerEntry(stage="prune" if stage.kind == "sparsify" else stage.kind),
        environment=HERE,
    )


def test_a_training_that_is_like_a_method_is_not_charged_that_methods_stages(tmp_path):
    greg = {"training": {"hook": "greg1", "schedule": "constant:1e-2 total:1"}, "allocation": "like:lender"}
    run = point(greg, lender={"criterion": "taylor", "allocation": "global"})
    order = pipeline(run.spec).order
    assert sorted(s.kind for s in order) == sorted(  # taylor is scored and pruned to know how much it leaves
        ["pretrain", "measure", "score", "prune", "sparsify", "prune", "retrain", "measure"]
    )
    record = assemble(run, {s.key: left(s) for s in order}, {}, open_store(tmp_path))
    kinds = ["pretrain", "measure", "sparsify", "prune", "retrain", "measure"]
    assert [parent.stage for parent in record.stages] == kinds
    assert len(record.ledger) == len(kinds)


@pytest.mark.parametrize(
    ("start", "broken", "status"), [("init", "sparsify", "diverged"), ("trained", "pretrain", "skipped")]
)
def test_a_base_of_ones_own_that_diverges_is_the_methods_fault(tmp_path, start, broken, status):
    run = point({"training": {"hook": "slimming", "schedule": "constant:1e-2 total:1"}, "start": start})
    order = pipeline(run.spec).order
    results = {s.key: left(s, "diverged" if s.kind == broken else "done") for s in order}
    after = order[next(i for i, stage in enumerate(order) if stage.kind == broken) :]
    record = assemble(run, results, {s.key: "loss not finite" for s in after}, open_store(tmp_path))
    assert record.status == status
    assert record.reason.startswith("its base diverged") == (status == "skipped")
