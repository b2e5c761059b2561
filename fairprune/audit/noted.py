"""Results as rows of plain values, and back: for those that are noted (see `fairprune.notes`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Any

from fairprune.audit.result import STAGES, Result
from fairprune.schedules import Schedule, parse
from fairprune.spec import Target

_NAMED = ("id", "task", "method", "recipe", "base_seed", "run_seed")  # a study's own, which says them again
_FIELDS = tuple(field.name for field in fields(Result) if field.name not in _NAMED)
_SCHEDULES = tuple(f"{stage}_schedule" for stage in STAGES)


def to_row(result: Result) -> list[Any]:
    """The result's values, but for what a study names."""
    return [_plain(getattr(result, name)) for name in _FIELDS]


def from_row(row: Sequence[Any], **named: Any) -> Result:
    """The result of a row and a study's names: it was checked when it was made, so it is not checked again."""
    result = object.__new__(Result)
    values = vars(result)
    values.update(zip(_FIELDS, row, strict=True))
    for name in _SCHEDULES:
        values[name] = None if values[name] is None else _parsed(values[name])
    values["target"] = None if values["target"] is None else _target(*values["target"])
    values["spare"] = None if values["spare"] is None else tuple(values["spare"])
    values["collapsed"] = tuple(values["collapsed"])
    values.update(named)
    return result


def _plain(value: Any) -> Any:
    if isinstance(value, Schedule):
        return str(value)
    return [value.axis, value.value] if isinstance(value, Target) else value


_parsed = lru_cache(maxsize=4096)(parse)  # one object for all that are equal, which is the quickest to compare


@lru_cache(maxsize=1024)
def _target(axis: Any, value: float) -> Target:
    return Target(axis=axis, value=value)
