"""What commands put beside a study's results: those that are published. Heavy imports happen inside functions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairprune.corpus.beside import Task
    from fairprune.launch.session import Session
    from fairprune.record import Record
    from fairprune.report.published import Shelf
    from fairprune.spec import NetworkSpec


def shelf_of(session: Session, records: Mapping[str, Record], folder: Path | None, metric: str) -> Shelf:
    """Published results on the data sets and networks of a session's study; those in `folder`, or those that ship.

    Raises CorpusError where there are none, in one line that says what the study has and what the corpus has.
    """
    from fairprune.corpus.beside import NEEDED, beside
    from fairprune.corpus.tables import SHIPPED, load
    from fairprune.report.published import shelf

    corpus = load(folder or SHIPPED, NEEDED)
    return shelf(corpus, beside(corpus, _tasks(session, records), metric), metric)


def _tasks(session: Session, records: Mapping[str, Record]) -> list[Task]:
    """The study's tasks, with the runs that ended."""
    from fairprune.audit.against import as_printed
    from fairprune.audit.measured import named
    from fairprune.corpus.beside import Task

    specs = {point.labels["task"]: point.spec.task for point in session.points}
    done = [record for record in records.values() if record.status == "done" and record.spec.kind != "dense"]
    return [
        Task(
            name,
            spec.data.name,
            named(spec.network.name, _unusual(spec.network)),
            tuple(as_printed(record) for record in done if record.labels.get("task") == name),
            official=not (spec.data.carve_test or spec.data.options),
        )
        for name, spec in specs.items()
    ]


def _unusual(network: NetworkSpec) -> dict[str, Any]:
    """The options that the component does not have by default."""
    if not network.options:
        return {}
    from inspect import signature

    from fairprune import registry

    defaults = signature(registry.load("network", network.name)).parameters if ":" not in network.name else {}
    usual = {name: parameter.default for name, parameter in defaults.items()}
    return {name: value for name, value in network.options.items() if name not in usual or usual[name] != value}
