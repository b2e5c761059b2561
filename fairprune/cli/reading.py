"""What commands read of a study: its session, records, summary and findings. Heavy imports happen inside functions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairprune.audit import Finding
    from fairprune.launch.session import Session
    from fairprune.record import Record
    from fairprune.report.shown import Epochs, Trained
    from fairprune.spec import DataSpec
    from fairprune.summary.values import Summary


def read_session(study: Path, overrides: list[str] | None, store: Path, data_root: Path | None) -> Session:
    """The study over its results; where the data itself is not at hand, the records know its digests."""
    from fairprune.cli.sessions import open_session
    from fairprune.store import read_store

    opened = read_store(store)

    def recall(spec: DataSpec) -> Mapping[str, str] | None:
        known = (record.spec for record in opened.records())
        return next((run.data_digests for run in known if run.task.data == spec), None)

    return open_session(study, overrides, store, data_root, recall=recall)


def read_records(session: Session) -> dict[str, Record]:
    """The records of the session's runs, by the runs' identities."""
    from fairprune.store import read_store

    store = read_store(session.site.store)
    found = {point.id: store.record(point.id, point.spec) for point in session.points}
    return {run_id: record for run_id, record in found.items() if record}


def read_curves(session: Session, records: Iterable[Record]) -> Trained:
    """What the runs' training stages noted after every epoch, as far as the store has it; each curve read once."""
    from fairprune.errors import StoreError
    from fairprune.store import read_store

    store = read_store(session.site.store)
    known: dict[str, Epochs] = {}

    def curve(blob: str) -> Epochs:
        if blob not in known:
            try:
                known[blob] = json.loads(store.blob(blob))
            except StoreError:  # a missing or damaged curve costs a picture, not the report
                known[blob] = ()
        return known[blob]

    return {record.id: {kind: curve(blob) for kind, blob in record.curves.items()} for record in records}


def summarised(session: Session, records: Mapping[str, Record]) -> Summary:
    """The summary of a session's study, with its rankings."""
    from fairprune.audit.ranking import ranked
    from fairprune.store import read_store
    from fairprune.summary import correct_in, summarise

    correct = correct_in(read_store(session.site.store))
    summary = summarise(session.study, session.points, records, correct=correct)
    return ranked(summary, records, session.study.demand)


def audited(
    session: Session,
    records: Mapping[str, Record],
    summary: Summary,
    tau: float = 0.05,
    assume_equal: Set[str] = frozenset(),
) -> tuple[Finding, ...]:
    """Findings about a session's study, worst first."""
    from fairprune.audit.study import audit_study
    from fairprune.launch.session import declaration
    from fairprune.store import read_store

    declared = read_store(session.site.store).declarations(session.study.name)
    changed = any(other != declaration(session.study) for other in declared)
    return audit_study(
        session.study, session.points, records, summary, exploratory=changed, tau=tau, assume_equal=assume_equal
    )
