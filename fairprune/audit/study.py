"""The audit of one of our own studies: its records, what it declared, and what its statistics say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from fairprune.audit.finding import Finding, StudyFacts
from fairprune.audit.measured import result_of
from fairprune.audit.result import Result
from fairprune.audit.rules import audit
from fairprune.audit.setups import Reading
from fairprune.expand import Point
from fairprune.record import Record
from fairprune.study import Study
from fairprune.summary.values import Summary


def audit_study(
    study: Study,
    points: Sequence[Point],
    records: Mapping[str, Record | Result],
    summary: Summary,
    *,
    exploratory: bool = False,
    tau: float = 0.05,
    assume_equal: Set[str] = frozenset(),
) -> tuple[Finding, ...]:
    """Findings about a study's records, worst first. Names are those of this study, whichever ran a record first.

    `exploratory` says that its declaration was changed after the first result.
    Budgets of scratch runs are counted in the reading that the study gave them; the other options are those of
    `setups.compare`.
    """
    named = [_called(result_of(records[point.id]), point.labels) for point in points if point.id in records]
    readings = {p.spec.retraining.reading for p in points if p.spec.kind == "scratch"}  # a ticket's budget is liu's
    facts = replace(facts_of(study), exploratory=exploratory)
    reading: Reading = "wang" if "wang" in readings or not readings else "liu"
    return audit(named, facts, summary.comparisons, tau, assume_equal, reading)


def _called(result: Result, labels: Mapping[str, str]) -> Result:
    """The result under the study's names."""
    names: dict[str, Any] = {"task": labels["task"], "method": labels["method"], "recipe": labels["retraining"]}
    known = all(getattr(result, key) == name for key, name in names.items())
    return result if known else replace(result, **names)


def facts_of(study: Study) -> StudyFacts:
    """What the study declared before it ran."""
    controls = study.controls
    off = {"dense": not controls.dense, "random": not controls.random, "magnitude": not controls.magnitude}
    return StudyFacts(
        control=study.control,
        axis=study.axis,
        targets=study.targets,
        endpoint=study.endpoint,
        seeds=len(study.seed_pairs),
        switched_off=frozenset(name for name, switched_off in off.items() if switched_off),
    )
