"""What every spec is: a frozen value without unknown fields."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

Option = bool | int | float | str | tuple[float, ...] | tuple[str, ...] | dict[str, float]
Options = dict[str, Option]


class Value(BaseModel):
    """A frozen value without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
