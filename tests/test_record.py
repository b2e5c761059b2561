"""Records: the published schema is the one that is written."""

import json
from pathlib import Path

from fairprune.record import SCHEMA_VERSION, Metric, Record, Size
from fairprune.spec import RunSpec

PUBLISHED = Path(__file__).parent.parent / "docs" / "schema" / f"record-{SCHEMA_VERSION}.json"

SPEC = RunSpec.model_validate(
    {
        "kind": "dense",
        "task": {"data": {"name": "digits"}, "network": {"name": "lenet300"}, "pretrain": {"schedule": "none"}},
        "base_seed": 0,
        "run_seed": 0,
        "retraining": {"recipe": {"schedule": "none"}},
        "data_digests": {},
        "versions": {},
    }
)


def test_the_published_schema_is_the_records():
    assert json.loads(PUBLISHED.read_text()) == json.loads(json.dumps(Record.model_json_schema(mode="serialization")))


def test_compression_and_speedup_are_dense_over_kept():
    record = Record(id="x", status="done", spec=SPEC, dense=Size(params=100, macs=600), small=Size(params=25, macs=200))
    assert (record.compression, record.speedup) == (4.0, 3.0)


def test_what_was_not_measured_is_none():
    metric = Metric(name="top1", split="validation", value=0.5)
    record = Record(id="x", status="failed", spec=SPEC, metrics=(metric,))
    assert record.compression is None
    assert record.metric("top1") is None
    assert record.metric("top1", "validation") == 0.5
