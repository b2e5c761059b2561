"""A study opened, and what is read of it: records, summary, findings. Heavy imports happen inside functions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairprune.audit import Finding
    from fairprune.execute.execution import Execution
    from fairprune.launch.session import Recall, Session
    from fairprune.launch.site import Site
    from fairprune.reading.noted import Noted
    from fairprune.record import Record
    from fairprune.report.shown import Epochs, Trained
    from fairprune.spec import DataSpec
    from fairprune.store import Store
    from fairprune.study import Study
    from fairprune.summary.values import Summary


def open_session(
    path: Path,
    overrides: Sequence[str] | None,
    store: Path,
    data_root: Path | None,
    execution: Execution | None = None,
    *,
    download: bool = False,
) -> Session:
    """The study in a file, resolved, with its results in a store. A user's own components lie beside the file."""
    from fairprune.execute.execution import Execution
    from fairprune.launch.site import Site
    from fairprune.study import read_study

    site = Site(store, data_root, path.resolve().parent, download, execution or Execution())
    return session_of(read_study(path, overrides or ()), site)


def session_of(study: Study, site: Site, recall: Recall | None = None) -> Session:
    """A study, resolved, and refused where it cannot meet the setup that it demands."""
    from fairprune.audit.demand import check_demand
    from fairprune.launch.session import prepare

    session = prepare(study, site, recall or (lambda _: ()))
    check_demand(study, session.points)
    return session


def read_session(study: Study | Path, overrides: Sequence[str] | None, store: Path, data_root: Path | None) -> Session:
    """The study over its results. These know the digests of the data that they were made with.

    A user's own components lie beside the study's file; those of a study that is none, in the current folder.
    """
    from fairprune.launch.site import Site
    from fairprune.store import read_store
    from fairprune.study import read_study

    found = read_study(study, overrides or ()) if isinstance(study, Path) else study
    opened = read_store(store)
    made_with = cache(opened.made_with)

    def recall(spec: DataSpec) -> list[Mapping[str, str]]:
        known = [digests for data, digests in made_with() if data == spec]
        return [digests for n, digests in enumerate(known) if digests not in known[:n]]

    folder = study.resolve().parent if isinstance(study, Path) else Path.cwd()
    return replace(session_of(found, Site(store, data_root, folder), recall), seen=opened)


def read_records(session: Session) -> dict[str, Record]:
    """The records of the session's runs, by the runs' identities."""
    store = _store(session)
    found = {point.id: store.record(point.id, point.spec) for point in session.points}
    return {run_id: record for run_id, record in found.items() if record}


def read_curves(session: Session, records: Iterable[Record]) -> Trained:
    """What the runs' training stages noted after every epoch, as far as the store has it; each curve read once."""
    from fairprune.errors import StoreError

    store = _store(session)
    known: dict[str, Epochs] = {}

    def curve(blob: str) -> Epochs:
        if blob not in known:
            try:
                known[blob] = json.loads(store.blob(blob))
            except StoreError:  # a missing or damaged curve costs a picture, not the report
                known[blob] = ()
        return known[blob]

    return {record.id: {kind: curve(blob) for kind, blob in record.curves.items()} for record in records}


def read_noted(session: Session) -> dict[str, Noted]:
    """What summaries and audits take from the records of the session's runs, by the runs' identities.

    Of a large store it is noted, and taken anew from those records alone that are new or have changed.
    """
    from fairprune.reading.noted import noted

    return noted(session, _store(session))


def read_summary(session: Session, records: Mapping[str, Noted] | None = None) -> Summary:
    """The summary of the session's study, with its rankings; that of a large store is kept until something changes.

    Where it is made, that takes `records`, or what `read_noted` gives.
    """
    from fairprune.reading.noted import kept_summary

    def make() -> Summary:
        return summarised(session, read_noted(session) if records is None else records)

    return kept_summary(session, _store(session), make)


def summarised(session: Session, records: Mapping[str, Record] | Mapping[str, Noted]) -> Summary:
    """The summary of a session's study, with its rankings."""
    from fairprune.audit.ranking import ranked
    from fairprune.notes import kept
    from fairprune.reading.noted import taken
    from fairprune.summary import Answers, correct_in, summarise

    found, store = taken(records), _store(session)
    with kept(store.views / "images.json", len(found)) as sums:
        answers = Answers(correct_in(store), sums)
        briefs = {id: one.brief for id, one in found.items()}
        summary = summarise(session.study, session.points, briefs, correct=answers)
        sums.update(answers.used)
    return ranked(summary, {id: one.result for id, one in found.items()}, session.study.demand)


def audited(
    session: Session,
    records: Mapping[str, Record] | Mapping[str, Noted],
    summary: Summary,
    tau: float = 0.05,
    assume_equal: Set[str] = frozenset(),
) -> tuple[Finding, ...]:
    """Findings about a session's study, worst first."""
    from fairprune.audit.study import audit_study
    from fairprune.launch.session import declaration
    from fairprune.reading.noted import taken

    results = {id: one.result for id, one in taken(records).items()}
    declared = _store(session).declarations(session.study.name)
    changed = any(other != declaration(session.study) for other in declared)
    return audit_study(
        session.study, session.points, results, summary, exploratory=changed, tau=tau, assume_equal=assume_equal
    )


def _store(session: Session) -> Store:
    """The results that the session was opened over, or, where it was opened to run, those that there are."""
    from fairprune.store import read_store

    return session.seen or read_store(session.site.store)
