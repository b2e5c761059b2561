"""Options of what compares results, and how they are read."""

from __future__ import annotations

import math
from typing import Annotated

import typer


def assumable(incomplete: str) -> list[str]:
    """What completes a list of fields: its last one."""
    from fairprune.audit.setups import ASSUMABLE

    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{field}" for field in ASSUMABLE if field.startswith(last)]


Tau = Annotated[float, typer.Option("--tau", help="How far matching rates may lie apart; 0.05: 5 %.")]
AssumeEqual = Annotated[
    str,
    typer.Option(
        "--assume-equal",
        metavar="FIELD,...",
        help="Fields that count as equal where one is unknown.",
        autocompletion=assumable,
        show_default=False,
    ),
]


def assumed(tau: float, fields: str) -> frozenset[str]:
    """The fields of `--assume-equal`. Raises SpecError for one that does not exist, or a tau that means nothing."""
    from fairprune.errors import SpecError

    if not (math.isfinite(tau) and 0 <= tau < 1):
        raise SpecError(f"--tau {tau:g}: expected a fraction from 0 to below 1, e.g. 0.05")
    found = frozenset(field.strip() for field in fields.split(",") if field.strip())
    if found:
        from fairprune.audit.setups import check_assumed  # brings the audit, which a query need not wait for

        check_assumed(found)
    return found
