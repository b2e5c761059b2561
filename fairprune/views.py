"""Views of a store: records as a table, one row per run. The records are the truth; a view can always be made anew."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

import polars as pl
from pydantic import BaseModel

from fairprune.canonical import canonical
from fairprune.record import Record

_Scalar = bool | int | float | str | None
_KEYS = {"id": pl.String, "attempt": pl.Int64, "status": pl.String, "reason": pl.String, "finished": pl.String}


def frame(records: Iterable[Record]) -> pl.DataFrame:
    """One row per record, for Parquet, CSV and JSON; a column that does not apply to a record is null there.

    Columns: id, attempt, status, reason, finished; `label.*`; sizes (parameters, multiply-adds), compression, speedup,
    on_target; `metric.WHEN.SPLIT.NAME` in the metric's own unit; `cost.*` over the stages of the run (multiply-adds,
    seconds; stages that runs share are counted in each); `spec.*` and `environment.*` flattened, with maps and lists
    as canonical JSON; timed_on, the machine of latencies.
    """
    rows = [dict(_row(record)) for record in records]
    if not rows:
        return pl.DataFrame(schema=_KEYS)
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame({name: [row.get(name) for row in rows] for name in names}, strict=False)


def _row(record: Record) -> Iterator[tuple[str, _Scalar]]:
    yield from ((key, getattr(record, key)) for key in _KEYS)
    yield from ((f"label.{name}", text) for name, text in record.labels.items())
    yield from _flat(record.dense, "dense.")
    yield from _flat(record.small, "small.")
    yield from (("compression", record.compression), ("speedup", record.speedup), ("on_target", record.on_target))
    yield from ((f"metric.{m.when}.{m.split}.{m.name}", m.value) for m in record.metrics)
    for name in ("seconds", "multiply_adds", "epochs"):
        yield f"cost.{name}", math.fsum(getattr(entry, name) for entry in record.ledger)
    for name in ("steps", "samples", "test_looks"):
        yield f"cost.{name}", sum(getattr(entry, name) for entry in record.ledger)
    yield from _flat(record.spec, "spec.")
    yield from _flat(record.environment, "environment.")
    yield "timed_on", record.timed_on


def _flat(value: BaseModel | None, prefix: str) -> Iterator[tuple[str, _Scalar]]:
    """The fields of a value with dots between the names; maps and sequences as JSON."""
    if value is None:
        return
    dumped = value.model_dump(mode="json")
    for name in type(value).model_fields:
        inner = getattr(value, name)
        if isinstance(inner, BaseModel):
            yield from _flat(inner, f"{prefix}{name}.")
        elif isinstance(inner, Mapping | tuple):
            yield prefix + name, canonical(dumped[name])
        else:
            yield prefix + name, inner
