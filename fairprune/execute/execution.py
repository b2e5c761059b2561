"""How work is done: what those who only read results need of execution, so torch is not imported."""

from __future__ import annotations

from dataclasses import dataclass

from fairprune.record import Step


@dataclass(frozen=True)
class Execution:
    """How the work is done: recorded with every result, part of no identity."""

    device: str = "cpu"
    threads: int = 0  # 0: as torch chooses
    channels_last: bool = True
    step: Step = "eager"  # where methods allow it; the ledger says how each stage trained
