"""What every spec is: a frozen value without unknown fields."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

Option = bool | int | float | str | tuple[float, ...] | tuple[str, ...] | dict[str, float]
Options = dict[str, Option]


class Value(BaseModel):
    """A frozen value without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


V = TypeVar("V", bound=Value)


def changed(value: V, **fields: Any) -> V:
    """What `model_copy(update=fields)` gives, for very many: it shares the set of fields that were given."""
    made = value.__class__.__new__(value.__class__)
    give = object.__setattr__
    give(made, "__dict__", {**value.__dict__, **fields})
    give(made, "__pydantic_fields_set__", value.__pydantic_fields_set__)
    give(made, "__pydantic_extra__", None)
    give(made, "__pydantic_private__", None)
    return made
