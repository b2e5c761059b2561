"""The contract of a method that prunes while it trains: a function of a setting that returns a Hook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from fairprune.hook import Hook
from fairprune.pruning.criterion import Granularity, check_granularities, options_of
from fairprune.pruning.space import Kept, Space


class Choose(Protocol):
    """Which units the target leaves, by the method's allocation."""

    def __call__(self, scores: Mapping[str, Tensor], share: float = 1.0) -> Kept:
        """Kept units of every group (`space.plan` makes masks or positions of them).

        `scores` are layer name -> tensor, as of a criterion. `share` is how much of the way has been gone: of the
        units that the target removes in the end, that fraction is removed now (0: none, 1: all of them).
        """
        ...


@dataclass(frozen=True)
class Setting:
    """What a method knows when its training begins.

    network          trained in place. Parameters and forward hooks may be put on it until `finish`. Hooks run in
                     validation too, and then leave every tensor as it was
    space            its prunable units at the method's granularity
    choose           what the target asks for; only for methods declared `bound`, others must not know the target
    steps            optimizer steps of this training in all, `per_epoch` of them to an epoch
    generator        purpose -> a generator on the CPU, seeded by run seed and purpose
    samples          training samples in an epoch
    """

    network: nn.Module
    space: Space
    choose: Choose
    steps: int
    per_epoch: int
    samples: int
    generator: Callable[[str], torch.Generator]


@dataclass(frozen=True)
class TrainingMethod:
    """A method that prunes while it trains, with its defaults and its source.

    start       trained: it continues from the base model. init: it trains from the initialisation
    bound       it is driven by the target (GReg, RigL), so every target has a training of its own; else one training
                serves all targets (Network Slimming), and from the initialisation it yields a base model of its own
    criterion   what ranks units after the training; "": `Hook.finish` returns the scores
    allocation  the default for this method; "": that of its granularity
    """

    name: str
    function: Callable[..., Hook]
    paper: str
    granularities: tuple[Granularity, ...]
    start: Literal["trained", "init"]
    bound: bool
    criterion: str
    allocation: str
    options: Mapping[str, Any]

    def __call__(self, setting: Setting, **options: Any) -> Hook:
        """The hook for one training."""
        return self.function(setting, **options)


def training_method(
    *,
    paper: str,
    granularities: tuple[Granularity, ...],
    start: Literal["trained", "init"] = "trained",
    bound: bool = True,
    criterion: str = "",
    allocation: str = "",
) -> Callable[[Callable[..., Hook]], TrainingMethod]:
    """Declare a method that prunes while it trains: a function of a Setting and keyword-only options with defaults.

    >>> @training_method(paper="arXiv:1708.06519", granularities=("channel",), bound=False, criterion="bn_scale")
    ... def nothing(setting, *, strength: float = 0.0):
    ...     return Hook()
    >>> nothing.options
    {'strength': 0.0}
    """
    check_granularities("training", granularities)

    def declare(function: Callable[..., Hook]) -> TrainingMethod:
        options = options_of(function, "setting")
        name = function.__name__
        return TrainingMethod(name, function, paper, granularities, start, bound, criterion, allocation, options)

    return declare
