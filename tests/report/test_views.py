from __future__ import annotations

import json

import polars as pl

from fairprune.views import frame

METHODS = {"random-weight": ("weight", 3.0), "l1_norm": ("channel", 1.0)}


def test_a_row_holds_a_run(synthetic):
    made = synthetic(METHODS)
    table = frame(made.records.values())
    assert table.height == len(made.points)
    row = table.filter((pl.col("label.method") == "l1_norm") & (pl.col("spec.target.value") == 4)).row(0, named=True)
    record = made.records[row["id"]]
    assert row["metric.final.test.top1"] == record.metric("top1")
    assert row["metric.pruned.validation.top1"] == record.metric("top1", "validation", "pruned")
    assert (row["compression"], row["speedup"]) == (record.compression, record.speedup)
    assert (row["dense.params"], row["small.macs"]) == (100_000, record.small.macs)
    assert (row["cost.seconds"], row["cost.multiply_adds"], row["cost.test_looks"]) == (8.0, 4e9, 2)
    assert (row["spec.method.criterion"], row["spec.task.data.name"]) == ("l1_norm", "digits")
    assert json.loads(row["spec.method.spare"]) == ["classifier"]
    assert (row["environment.threads"], row["timed_on"]) == (2, "")


def test_what_does_not_apply_is_null(synthetic):
    made = synthetic(METHODS)
    failed = made.points[0].id
    bare = made.records[failed].model_copy(
        update={"status": "failed", "metrics": (), "small": None, "environment": None, "reason": "x"}
    )
    table = frame([bare, *(r for i, r in made.records.items() if i != failed)])
    row = table.row(0, named=True)
    assert row["status"] == "failed"
    assert row["metric.final.test.top1"] is None
    assert row["compression"] is None
    assert row["environment.torch"] is None
    assert row["label.method"] == "dense"
    assert row["spec.target.value"] is None


def test_options_of_different_types_share_a_column(synthetic):
    made = synthetic(METHODS)
    first, second = [made.records[p.id] for p in made.points if p.labels["method"] == "l1_norm"][:2]

    def with_option(record, value):
        method = record.spec.method.model_copy(update={"options": {"power": value}})
        return record.model_copy(update={"spec": record.spec.model_copy(update={"method": method})})

    table = frame([with_option(first, 1), with_option(second, "two")])
    assert [json.loads(text) for text in table["spec.method.options"]] == [{"power": 1}, {"power": "two"}]


def test_files_hold_the_same_table(synthetic, tmp_path):
    table = frame(synthetic(METHODS).records.values())
    table.write_parquet(tmp_path / "runs.parquet")
    assert pl.read_parquet(tmp_path / "runs.parquet").equals(table)
    table.write_csv(tmp_path / "runs.csv")
    again = pl.read_csv(tmp_path / "runs.csv", infer_schema_length=None)
    assert again.columns == table.columns
    assert again["metric.final.test.top1"].to_list() == table["metric.final.test.top1"].to_list()


def test_no_records_are_an_empty_table():
    table = frame([])
    assert table.height == 0
    assert table.columns == ["id", "attempt", "status", "reason", "finished"]
