"""A study with everything that its reports show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fairprune.record import Record
from fairprune.report.finding import Finding
from fairprune.report.published import Shelf
from fairprune.summary import Summary

Epochs = Sequence[Mapping[str, float | None]]  # a row an epoch; None where a number was not finite
Trained = Mapping[str, Mapping[str, Epochs]]  # run id -> kind of stage -> its curve


@dataclass(frozen=True)
class Shown:
    """A study's summary, records by run id, findings, the command that reproduces it, and curves of its training."""

    summary: Summary
    records: Mapping[str, Record]
    findings: Sequence[Finding]
    command: str
    shelf: Shelf | None = None
    trained: Trained = field(default_factory=dict)
