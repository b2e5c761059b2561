"""Tasks: a data set, a network, and where the base model comes from."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from fairprune.spec.values import Options, Value


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
