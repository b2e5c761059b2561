"""Methods and targets: what is removed, how, and how much of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from fairprune.errors import SpecError
from fairprune.spec.values import Options, Value


class Calibration(Value):
    """What criteria may look at: `samples` images of the training split, in batches of `batch_size`.

    They are not augmented, and the network sees them in evaluation mode and fp32.
    """

    samples: Annotated[int, Field(ge=1)] = 512
    batch_size: Annotated[int, Field(ge=1)] = 128


def default_allocation(granularity: str) -> str:
    """Global for weights and blocks; uniform for channels, whose norms do not compare across layers."""
    return "uniform" if granularity == "channel" else "global"


class Training(Value):
    """How a method trains while it prunes: its hook, and the recipe of that training.

    As written, `recipe` holds only what differs from the base's recipe; resolved, it is a whole Recipe, whose
    checkpoint is the last. `schedule`: by default the base's, for a method that starts from the initialisation.
    """

    hook: str
    options: Options = {}
    schedule: str = ""
    recipe: Annotated[dict[str, Any], Field(default_factory=dict)]
    bound: bool = False  # resolved: whether the target drives it


class Method(Value):
    """criterion x granularity x allocation x schedule, and training for methods that prune in it.

    "default", "" and 0 stand for the default of the criterion or of the training, filled in when the study is resolved.
    """

    criterion: str = ""  # "" after resolving: the training yields the scores itself
    options: Options = {}
    training: Training | None = None
    granularity: Literal["default", "weight", "channel", "block"] = "default"
    start: Literal["default", "trained", "init"] = "default"  # it begins with the base model, or its initialisation
    allocation: str = ""  # global, uniform, given, erk, like:METHOD (resolved to the method it copies) ...
    ratios: dict[str, float] | str = {}  # for `given`: layer pattern -> fraction removed, or "resnet56_a"
    like: Method | None = None  # for `like`: the method whose per-layer amounts are used
    reduce: Literal["mean", "sum", "max", "first"] = "mean"  # over the layers that produce one unit of a group
    rounds: Annotated[int, Field(ge=1)] = 1  # 1: one-shot; n: iterative, retrained in between, targets geometric
    steps: Annotated[int, Field(ge=0)] = 0  # how often it scores and removes within a round, nothing trained in between
    sequential: bool = False  # resolved: whether its criterion goes through the network group after group
    repair: str = ""  # what mends the layers after removal, before retraining; "none": nothing
    repair_options: Options = {}
    spare: tuple[str, ...] = ("classifier",)  # layer patterns; "classifier" is the network's last linear layer
    calibration: Calibration = Calibration()

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, table: Any) -> Any:
        """`training = "rigl"` stands for `training = {hook = "rigl"}`."""
        if isinstance(table, dict) and isinstance(table.get("training"), str):
            return {**table, "training": {"hook": table["training"]}}
        return table

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.criterion and not self.training:
            raise ValueError("expected a criterion, or a training for a method that prunes while it trains")
        if self.training and self.rounds > 1:
            raise ValueError("a method that trains while it prunes has one round: its training is gradual by itself")
        return self

    @property
    def gradual(self) -> bool:
        """Whether it scores again as it removes, so that there are no scores before."""
        return self.sequential or self.steps > 1

    @property
    def within(self) -> bool:
        """Whether pruning is the whole training: from the initialisation, driven by the target (SET, RigL)."""
        return self.start == "init" and self.training is not None and self.training.bound

    @property
    def own_base(self) -> bool:
        """Whether it trains a base model of its own (a penalty from scratch, Network Slimming as published)."""
        return self.start == "init" and self.training is not None and not self.training.bound

    @property
    def untrained(self) -> bool:
        """Whether it prunes the initialisation, so that the whole training is its retraining, or its pruning."""
        return self.start == "init" and not self.own_base


class Target(Value):
    """How much: compression (whole network's parameters), speedup (multiply-adds), or ratio of units REMOVED."""

    axis: Literal["compression", "speedup", "ratio"]
    value: float

    def __new__(cls, *positional: object, **_: object) -> Self:
        """Values by name only: which of the axes a number is of has to be said."""
        if positional:
            raise SpecError('a target has names: Target(axis="speedup", value=2), or fp.speedup(2)')
        return super().__new__(cls)

    def __str__(self) -> str:
        return f"{self.axis} {self.value:g}" + ("" if self.axis == "ratio" else "x")

    @property
    def nonsense(self) -> str:
        """Why the target cannot mean anything; "" if it can."""
        if self.axis == "ratio" and not 0 <= self.value < 1:
            return f"target ratio {self.value:g}: expected the fraction of units removed, from 0 to below 1"
        if self.axis != "ratio" and not self.value >= 1:
            return f"target {self}: expected 1 or more ({self.axis} is dense / pruned)"
        return ""
