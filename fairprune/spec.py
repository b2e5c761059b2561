"""Resolved specs: frozen values that say, to the last default, what a run is. Their hash is the run's identity.

Nothing here depends on paths, devices, threads or time; those are recorded with a result, never hashed.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Option = bool | int | float | str | tuple[float, ...] | tuple[str, ...] | dict[str, float]
Options = dict[str, Option]


class Value(BaseModel):
    """A frozen value without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DataSpec(Value):
    """A data set and its splits. Training, validation and test are disjoint."""

    name: str
    options: Options = {}
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1  # fraction of the training images, by class
    carve_test: Annotated[int, Field(ge=0)] = 0  # 0: the official test set; n: n training images, by class
    split_seed: int = 0
    normalise: Literal["train", "imagenet", "none"] = "train"  # mean and deviation of the training split, or ImageNet's


class NetworkSpec(Value):
    """A network by its name in the registry, or `module:factory`. Classes and channels come from the data."""

    name: str
    options: Options = {}


class Optimizer(Value):
    """SGD, Adam or AdamW. `decay_all=False` spares batch norm and biases from weight decay."""

    name: Literal["sgd", "adam", "adamw"] = "sgd"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    nesterov: bool = False
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    decay_all: bool = True

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.name == "sgd" and self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum above 0")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas {list(self.betas)}: expected two numbers from 0 to below 1")
        return self


class Recipe(Value):
    """How a stage trains. `schedule` is in the schedule grammar, e.g. `0:1e-1,80:1e-2 total:120` (unit: epochs)."""

    schedule: str
    optimizer: Optimizer = Optimizer()
    batch_size: Annotated[int, Field(ge=1)] = 128
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    augment: tuple[str, ...] = ()  # "pad-crop:4", "flip"
    checkpoint: Literal["last", "best"] = "last"  # best: on validation


class Checkpoint(Value):
    """A base model that was trained elsewhere. `digest` is of its content; `seen` says which images it has seen."""

    name: str  # file name inside the data root, for people; identity is the digest
    digest: str = ""  # SHA-256 of the file, filled in when the study is resolved
    seen: Literal["train", "none"] = "train"


class Task(Value):
    """A data set, a network, and where the base model comes from: a recipe or a checkpoint (exactly one)."""

    data: DataSpec
    network: NetworkSpec
    pretrain: Recipe | None = None
    checkpoint: Checkpoint | None = None
    objective: str = "classification"
    precision: Literal["fp32", "bf16"] = "fp32"
    deterministic: bool = True


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

    As written, `recipe` holds only what differs from the base's recipe; resolved, it is a whole Recipe. `schedule`: by
    default the base's, for a method that starts from the initialisation.
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


RetrainingKind = Literal["train", "finetune", "overall", "lr-rewind", "weight-rewind", "scratch-e", "scratch-b"]
Reading = Literal["liu", "wang", "ticket"]


class Retraining(Value):
    """What follows pruning.

    train: the base's whole recipe, for methods that start from the initialisation (nothing, if they prune within it).
    finetune: `recipe` as it is. overall: the base is trained for `prune_at` epochs of its schedule only, the rest of it
    follows pruning: one schedule in which the pruning epoch moves (arXiv:2301.05219). lr-rewind: the last `epochs` of
    the pretraining schedule, from the pruned weights (arXiv:2003.02389). weight-rewind: weights of the base at
    `rewind_to` epochs, then the rest of its schedule. scratch-e and scratch-b: the pruned architecture, newly
    initialised, for the epochs that `reading` prescribes (liu: arXiv:1810.05270; wang: arXiv:2301.05219; ticket: as
    liu, the weights drawn as the network's own initialisation draws them, not rescaled for sparsity; between rounds it
    rewinds to `rewind_to`, as weight-rewind does, so both have the same masks), with the pretraining recipe, its
    schedule scaled.
    """

    kind: RetrainingKind = "finetune"
    recipe: Recipe
    rewind_to: Annotated[float, Field(ge=0)] = 0.0
    prune_at: Annotated[float, Field(ge=0)] = 0.0
    reading: Reading = "liu"
    more_epochs: Annotated[float, Field(ge=0)] = 0.0  # wang: K2, the retraining epochs that scratch is given besides
    max_factor: float | None = None  # scratch-b: at most this multiple of the base's epochs (Liu et al.: 2, ImageNet)


class Jacobian(Value):
    """Singular values of the Jacobian, measured on the base, after pruning and after retraining.

    `along`: after every epoch of retraining too, which is therefore run a second time, beside the first.
    """

    samples: Annotated[int, Field(ge=1)] = 128  # of the training split, the same in every run
    along: bool = False


class Metrics(Value):
    """What is measured besides accuracy and size. `["jacobian"]` stands for `{jacobian = true}`, that for its defaults.

    trainability: T, epochs to 95 % and convergence, read off the curve of retraining. They cost nothing.
    """

    trainability: bool = False
    jacobian: Jacobian | None = None

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, given: Any) -> Any:
        names = isinstance(given, list | tuple) and all(isinstance(name, str) for name in given)
        table = dict.fromkeys(given, True) if names else given
        if isinstance(table, dict) and isinstance(table.get("jacobian"), bool):
            return {**table, "jacobian": Jacobian() if table["jacobian"] else None}
        return table


class RunSpec(Value):
    """One point of a study, resolved. kind dense: the base retrained under the same recipe, nothing removed."""

    kind: Literal["prune", "scratch", "dense"]
    task: Task
    base_seed: int
    run_seed: int
    method: Method | None = None
    target: Target | None = None
    retraining: Retraining
    metrics: Metrics = Metrics()
    data_digests: dict[str, str]  # split -> SHA-256 of its images and labels, in order
    versions: dict[str, str]  # component ("criterion magnitude") -> version, or hash of a user's source
