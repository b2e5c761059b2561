"""What the audit judges: one result, measured here or copied from a paper, as one value. None: unknown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Literal

from fairprune.errors import SpecError
from fairprune.schedules import Schedule, empty

if TYPE_CHECKING:
    from fairprune.record import Status
    from fairprune.spec import Target

Kind = Literal["prune", "scratch", "dense"]
STAGES = ("pretrain", "prune", "retrain")
UNTRAINED: dict[Kind, tuple[str, ...]] = {"prune": (), "scratch": ("prune", "retrain"), "dense": ("prune",)}
_SAME_EPOCHS = 1e-6


@dataclass(frozen=True)
class Result:
    """One result. Only `id` and `kind` are always known.

    A scratch run has its training in the pretrain fields. `macs` are multiply-adds of one forward pass of one sample
    through the network that the stage trains. Epochs are summed and schedules concatenated over iterative rounds.
    A schedule supplies the epochs that are missing. SpecError where the two, or a stage and the kind, contradict.
    """

    id: str
    kind: Kind = "prune"
    task: str | None = None  # the study's name for data set and network
    method: str | None = None
    criterion: str | None = None
    granularity: str | None = None
    recipe: str | None = None  # the study's name for what follows pruning
    dataset: str | None = None  # with the digest of the test split, where that is known
    network: str | None = None
    base_checkpoint: str | None = None  # digest, or a name that stands for one file
    target: Target | None = None  # as declared
    allocation: str | None = None  # how the amount is spread over layers: global, uniform, given, like ...
    spare: tuple[str, ...] | None = None  # patterns of layers that are not pruned
    calibration: int | None = None  # images that the criterion looked at; 0: none
    tuning_trials: int | None = None  # settings tried for the method
    amounts: str | None = None  # what decided the per-layer amounts: a digest of the method, of the copied one for like
    compression: float | None = None
    speedup: float | None = None
    removed: float | None = None  # fraction of the prunable units
    on_target: bool | None = None  # within 1 % of the target; None: judge by the rates
    pretrain_epochs: float | None = None
    pretrain_schedule: Schedule | None = None
    pretrain_macs: float | None = None
    prune_epochs: float | None = None
    prune_schedule: Schedule | None = None
    prune_macs: float | None = None
    retrain_epochs: float | None = None
    retrain_schedule: Schedule | None = None
    retrain_macs: float | None = None
    optimizer: str | None = None  # of retraining, as are the four that follow
    momentum: float | None = None
    weight_decay: float | None = None
    batch_size: int | None = None
    augmentation: str | None = None  # "": none
    precision: str | None = None
    device: str | None = None
    libraries: str | None = None  # names and versions
    validation: float | None = None  # fraction of the training images
    validation_seen: bool | None = None  # by whoever trained the base model
    selected_on: Literal["last", "validation", "test"] | None = None  # how the checkpoint was chosen
    test_looks: float | None = None  # at the test set, per network that may be measured on it
    executed: Literal["dense", "small"] | None = None  # how masked weights were multiplied
    collapsed: tuple[str, ...] = ()  # layers that keep nothing
    rewound: bool = False  # whether retraining begins with earlier weights of the base
    under_converged: bool | None = None  # whether accuracy still rose at the end of retraining's first rate
    status: Status = "done"
    base_seed: int | None = None
    run_seed: int | None = None
    seeds: int | None = None  # runs behind the number
    base_top1: float | None = None  # percent, as the three that follow
    top1: float | None = None
    top1_std: float | None = None
    top5: float | None = None
    params_m_base: float | None = None  # millions of parameters of the dense network, as its source counts
    macs_g_base: float | None = None  # its multiply-adds in 10^9, as its source counts
    source: str | None = None  # where it is printed

    def __post_init__(self) -> None:
        for rate in ("compression", "speedup"):
            value = getattr(self, rate)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise SpecError(f"result '{self.id}': {rate} is {value}; expected a finite number above 0")
        for stage in UNTRAINED[self.kind]:
            self._settle_untrained(stage)
        for stage in STAGES:
            self._settle(stage)

    def _settle_untrained(self, stage: str) -> None:
        """0 epochs for a stage that the kind does not have."""
        epochs, schedule = getattr(self, f"{stage}_epochs"), getattr(self, f"{stage}_schedule")
        if epochs or (schedule and schedule.total):
            raise SpecError(
                f"result '{self.id}': a {self.kind} run trains nothing in {stage}, but {stage}_epochs is "
                f"{epochs or schedule.total:g}" + ("; expected its training under pretrain" * (self.kind == "scratch"))
            )
        object.__setattr__(self, f"{stage}_epochs", 0.0)

    def _settle(self, stage: str) -> None:
        """The empty schedule for 0 epochs, the schedule's total for missing ones."""
        epochs, schedule = getattr(self, f"{stage}_epochs"), getattr(self, f"{stage}_schedule")
        if epochs == 0 and schedule is None:
            object.__setattr__(self, f"{stage}_schedule", empty())
        elif epochs is None and schedule is not None:
            object.__setattr__(self, f"{stage}_epochs", schedule.total)
        elif schedule is not None and abs(epochs - schedule.total) > _SAME_EPOCHS:
            raise SpecError(
                f"result '{self.id}': {stage}_epochs is {epochs:g}, but {stage}_schedule '{schedule}' has "
                f"{schedule.total:g}; expected the same number"
            )

    @cached_property
    def name(self) -> str:
        """The method's name, or what stands for it."""
        return self.method or self.id

    @cached_property
    def place(self) -> str:
        """Network and data set in words."""
        dataset, at, digest = (self.dataset or "unknown data set").partition("@")
        split = f" (test split {digest[:6]})" if at else ""
        return f"{self.network or 'unknown network'} on {dataset}{split}"

    @cached_property
    def aim(self) -> str:
        """The declared target in words; empty where there is none."""
        return str(self.target) if self.target else ""

    @cached_property
    def amount(self) -> str:
        """How much was pruned: the declared target, or else the rates achieved."""
        rates = ((self.compression, "compression"), (self.speedup, "speedup"))
        known = " and ".join(f"{axis} {value:.4g}x" for value, axis in rates if value is not None)
        return self.aim or known or "an unknown rate"

    @cached_property
    def epochs(self) -> float | None:
        """Epochs of all stages; None where one is unknown."""
        return _sum([getattr(self, f"{stage}_epochs") for stage in STAGES])

    @cached_property
    def schedule(self) -> Schedule | None:
        """The schedules of all stages end to end; None where one is unknown."""
        known = [part for stage in STAGES if (part := getattr(self, f"{stage}_schedule")) is not None]
        return reduce(Schedule.then, known) if len(known) == len(STAGES) else None

    @cached_property
    def last_rate(self) -> float | None:
        """The rate that the last training ends at; None where there is none, or it is unknown."""
        for stage in reversed(STAGES):
            schedule: Schedule | None = getattr(self, f"{stage}_schedule")
            if schedule is None or schedule.total:
                return schedule.final_rate if schedule else None
        return None

    def cost(self, stages: Sequence[str] = STAGES) -> float | None:
        """Epochs x multiply-adds, added up over the stages; None where one is unknown."""
        return _sum([self._work(stage) for stage in stages])

    def largest(self, stages: Sequence[str] = STAGES) -> float:
        """Multiply-adds of the largest network that these stages train; 0 where none is known."""
        trained = (stage for stage in stages if getattr(self, f"{stage}_epochs"))
        return max((getattr(self, f"{stage}_macs") or 0.0 for stage in trained), default=0.0)

    def _work(self, stage: str) -> float | None:
        epochs, macs = getattr(self, f"{stage}_epochs"), getattr(self, f"{stage}_macs")
        if epochs == 0:
            return 0.0
        return None if epochs is None or macs is None else float(epochs * macs)


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) if len(known) == len(values) else None
