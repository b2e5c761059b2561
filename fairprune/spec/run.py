"""Runs: a task, a method and its target, what follows pruning, and what is measured."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from fairprune.spec.method import Method, Target
from fairprune.spec.task import Recipe, Task
from fairprune.spec.values import Value

RetrainingKind = Literal["train", "finetune", "overall", "lr-rewind", "weight-rewind", "scratch-e", "scratch-b"]
Reading = Literal["liu", "wang", "ticket"]


class Tuned(Value):
    """What a recipe's rate was chosen from: the largest rates that were tried, each with these seeds."""

    rates: tuple[float, ...]
    seeds: tuple[int, ...]


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
    tuned: Tuned | None = None  # None: the same rate for all


class Jacobian(Value):
    """Singular values of the Jacobian, measured on the base, after pruning and after retraining.

    `along`: after every epoch of retraining too, which is therefore run a second time, beside the first.
    """

    samples: Annotated[int, Field(ge=1)] = 128  # of the training split, the same in every run
    along: bool = False


class Latency(Value):
    """Latency, throughput, memory and file size of the pruned architecture and of the dense one, timed in turn.

    They are those of the machine on which the stage ran, which the record names.
    """

    batch_sizes: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (1, 128)
    seconds: Annotated[float, Field(gt=0)] = 3.0  # for each batch size, without warming up


class Metrics(Value):
    """What is measured besides accuracy and size. `["jacobian"]` stands for `{jacobian = true}`, that for its defaults.

    trainability: T, epochs to 95 % and convergence, read off the curve of retraining. They cost nothing.
    split: that which accuracy is measured on; validation for trials, which leave the test images unseen.
    """

    split: Literal["test", "validation"] = "test"
    trainability: bool = False
    jacobian: Jacobian | None = None
    latency: Latency | None = None

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, given: Any) -> Any:
        names = isinstance(given, list | tuple) and all(isinstance(name, str) for name in given)
        table = dict.fromkeys(given, True) if names else given
        if not isinstance(table, dict):
            return table
        defaults = {"jacobian": Jacobian(), "latency": Latency()}
        plain = {name: value for name, value in defaults.items() if isinstance(table.get(name), bool)}
        return {**table, **{name: value if table[name] else None for name, value in plain.items()}}


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
