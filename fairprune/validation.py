"""Validation errors in one line: the place, what was wrong, the nearest valid name."""

from __future__ import annotations

import typing
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from fairprune.errors import SpecError, unknown

# pydantic's words for what a table of TOML calls otherwise
_PLAIN = {"tuple_type": "expected a list", "too_short": "expected at least one"}
M = TypeVar("M", bound=BaseModel)


def validate(model: type[M], table: Any, where: str) -> M:
    """The table as a value of that model. Raises SpecError naming the first thing that is wrong."""
    try:
        return model.model_validate(table)
    except ValidationError as error:
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")  # a misspelt key before a missing one
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise SpecError(f"{where}: {_explain(model, first)}{more}") from None


def _explain(model: type[BaseModel], error: Any) -> str:
    *parents, last = error["loc"] or ("",)
    place = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        owner = _model_at(model, parents)
        inside = f" in {'.'.join(map(str, parents))}" if parents else ""
        return unknown("key", str(last), owner.model_fields) + inside
    if error["type"] == "missing":
        return f"'{place}' is missing"
    message: str = _PLAIN.get(error["type"], error["msg"]).removeprefix("Value error, ")
    if not place:
        return message
    return f"{place} = {error['input']!r}: {message[0].lower()}{message[1:]}"


def _model_at(model: type[BaseModel], path: list[Any]) -> type[BaseModel]:
    """The model that describes the table at a path, through optional fields and tables by name."""
    for part in path:
        field = model.model_fields.get(str(part))
        inner = _inner_model(field.annotation) if field else None
        model = inner or model
    return model


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_inner_model(argument) for argument in typing.get_args(annotation))
    return next((model for model in found if model), None)
