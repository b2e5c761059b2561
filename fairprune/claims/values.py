"""A claim as a value: what is claimed, where, the studies that test it at each scale, and what they should show."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from fairprune.errors import SpecError, unknown
from fairprune.spec import Value
from fairprune.stats import Expect
from fairprune.stats.expectation import WITH_MARGIN
from fairprune.study import Study

Scale = Literal["smoke", "cpu", "gpu", "paper"]
SCALES: tuple[Scale, ...] = get_args(Scale)


class Cell(Value):
    """One number for each seed: a metric of the runs with these names. What is left out, the study has only one of.

    Fractions are in percent. `target` is left out for the dense network (`method = "dense"`) and for `when = "base"`.
    """

    study: str = ""
    task: str = ""
    method: str = ""
    target: float | None = None
    retraining: str = ""
    metric: str = ""  # the study's endpoint
    split: Literal["train", "validation", "test"] = "test"
    when: Literal["base", "pruned", "final"] = "final"


class Test(Value):
    """An effect, the sum of `plus` less the sum of `minus` within each seed, and what is expected of its mean.

    zero: within +-margin; at-least: above -margin; nonzero: not 0, and contradicted if within +-margin. Margins are in
    the unit of the effect, points for fractions.
    """

    __test__ = False  # not one of pytest's

    name: str
    plus: Annotated[tuple[Cell, ...], Field(min_length=1)]
    minus: tuple[Cell, ...] = ()
    expect: Expect
    margin: Annotated[float, Field(ge=0)] = 0.0

    @model_validator(mode="before")
    @classmethod
    def _spread(cls, table: Any) -> Any:
        """`at` holds what all cells share."""
        if not isinstance(table, dict) or "at" not in table:
            return table
        rest = {key: value for key, value in table.items() if key != "at"}
        return rest | {
            side: [{**table["at"], **cell} if isinstance(cell, dict) else cell for cell in rest.get(side, ())]
            for side in ("plus", "minus")
        }

    @model_validator(mode="after")
    def _meant(self) -> Self:
        if (self.margin > 0) != (self.expect in WITH_MARGIN):
            raise ValueError(f"{self.name}: {', '.join(WITH_MARGIN)} need a margin above 0, others have none")
        return self


class Claim(Value):
    """What a paper says, and how it is tested. `studies` and `takes` (in words) are by scale."""

    name: str
    claim: str
    source: str
    note: str = ""
    tests: dict[Scale, Annotated[tuple[Test, ...], Field(min_length=1)]]
    studies: dict[Scale, dict[str, Study]]
    takes: dict[Scale, str]

    def scale(self, name: str) -> Scale:
        """The scale of that name. Raises SpecError for one that the claim does not have."""
        for known in self.studies:
            if known == name:
                return known
        raise SpecError(f"claim {self.name}: {unknown('scale', name, self.studies)}")
