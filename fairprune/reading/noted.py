"""What summaries and audits take from records, noted beside a large store, so that not all of them are read again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from fairprune.audit import noted as results
from fairprune.audit.measured import from_record
from fairprune.audit.result import Result
from fairprune.canonical import digest_bytes
from fairprune.expand import Point
from fairprune.launch.session import Session
from fairprune.memo import uncollected
from fairprune.notes import kept
from fairprune.record import Record
from fairprune.store import Store, as_record
from fairprune.summary import Summary, briefs
from fairprune.summary.briefs import Brief, Charged


@dataclass(frozen=True)
class Noted:
    """A record as summaries take it, and as audits do."""

    brief: Brief
    result: Result


def noted(session: Session, store: Store) -> dict[str, Noted]:
    """What was taken from the records of the session's runs, by the runs' identities; the names are the study's."""
    specs = {point.id: point.spec for point in session.points}

    def take(name: str, table: dict[str, Any]) -> list[Any]:
        record = as_record(table, name, specs.get(name.split("/")[1]))
        return [*briefs.to_row(briefs.brief(record)), *results.to_row(from_record(record))]

    with uncollected():
        rows, shared = store.taken("results", take), dict[int, Charged]()
        return {point.id: _read(point, rows[point.id], shared) for point in session.points if point.id in rows}


def kept_summary(session: Session, store: Store, make: Callable[[], Summary]) -> Summary:
    """The summary that was kept, or one that is made: where study, runs and the marks of their records are the same."""
    ids, marks = {point.id for point in session.points}, store.marks()
    own = [(name, mark) for name, mark in marks.items() if name.split("/")[1] in ids]
    key = digest_bytes(to_json([session.study, [(point.id, point.labels) for point in session.points], own]))
    with kept(store.views / f"summary-{session.study.name}.json", len(own)) as table:
        if key in table:
            return Summary.model_validate_json(table[key])
        made = make()
        table.clear()
        table[key] = made.model_dump_json()
        return made


def taken(records: Mapping[str, Record] | Mapping[str, Noted]) -> dict[str, Noted]:
    """The same of records that are at hand; what is noted already stays as it is."""
    return {id: r if isinstance(r, Noted) else Noted(briefs.brief(r), from_record(r)) for id, r in records.items()}


def _read(point: Point, row: Sequence[Any], shared: dict[int, Charged]) -> Noted:
    seeds, labels = (point.spec.base_seed, point.spec.run_seed), point.labels
    result = results.from_row(
        row[briefs.WIDTH :],
        id=point.id,
        task=labels["task"],
        method=labels["method"],
        recipe=labels["retraining"],
        base_seed=seeds[0],
        run_seed=seeds[1],
    )
    return Noted(briefs.from_row(row[: briefs.WIDTH], point.id, seeds, shared), result)
