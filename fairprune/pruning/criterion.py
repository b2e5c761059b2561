"""The contract of a criterion: a function of a context that returns scores; higher = keep."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

import torch
from torch import Tensor

from fairprune.errors import PruneError, SpecError, unknown

Need = Literal["gradients", "activations", "batch_norm"]
Granularity = Literal["weight", "channel"]


@dataclass(frozen=True)
class Context:
    """What a criterion may see. Only declared needs are filled in; the framework computes and meters them.

    Tensors are copies, on the device of the network; reading a need that was not declared raises PruneError.

    weights      layer name -> weight, [out, in, ...], of the layers being scored (one, for scope "layer")
    gradients    layer name -> mean gradient of the loss over the calibration samples, shape of the weight
    activations  layer name -> mean |input| over calibration samples and positions, [in]
    batch_norm   layer name -> scale of the batch norm behind it, [out]
    generator    for a criterion that draws: on the CPU, seeded by purpose, run seed and layer
    granularity  what will be removed; a criterion may answer channels with one number per output unit
    """

    weights: Mapping[str, Tensor]
    generator: torch.Generator
    granularity: Granularity = "weight"
    gradients: Mapping[str, Tensor] = field(default_factory=dict)
    activations: Mapping[str, Tensor] = field(default_factory=dict)
    batch_norm: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Undeclared(Mapping[str, Tensor]):
    """Stands for a need that the criterion did not declare: any reading of it raises PruneError."""

    criterion: str
    need: Need

    def __getitem__(self, layer: str) -> Tensor:
        raise self._error()

    def __iter__(self) -> Iterator[str]:
        raise self._error()

    def __len__(self) -> int:
        raise self._error()

    def _error(self) -> PruneError:
        return PruneError(
            f"criterion '{self.criterion}' reads {self.need} without declaring it: needs=('{self.need}',)"
        )


@dataclass(frozen=True)
class Scored:
    """Scores, and new weights where the criterion also updates them (OBS, ThiNet)."""

    scores: Mapping[str, Tensor]
    weights: Mapping[str, Tensor] = field(default_factory=dict)


Scores: TypeAlias = Mapping[str, Tensor]


@dataclass(frozen=True)
class Criterion:
    """A scoring function with what it needs, its source, and where it applies."""

    name: str
    function: Callable[..., Scores | Scored]
    needs: tuple[Need, ...]
    paper: str
    scope: Literal["layer", "network"]
    granularities: tuple[Granularity, ...]
    options: Mapping[str, Any]  # option -> default, from the keyword-only arguments

    def __call__(self, context: Context, **options: Any) -> Scored:
        """What the function returns, as Scored."""
        result = self.function(context, **options)
        return result if isinstance(result, Scored) else Scored(result)


def criterion(
    *,
    needs: tuple[Need, ...] = (),
    paper: str = "",
    scope: Literal["layer", "network"] = "layer",
    granularities: tuple[Granularity, ...] = ("weight", "channel"),
) -> Callable[[Callable[..., Scores | Scored]], Criterion]:
    """Declare a criterion.

    The function takes a Context (and keyword-only options) and returns layer name -> scores: of the weight's shape,
    or [out], one number per output unit. Under channel granularity, scores of the weight's shape are summed over
    each filter.

    >>> @criterion(paper="arXiv:1608.08710")
    ... def my_norm(context, *, power: int = 1):
    ...     return {name: w.abs() ** power for name, w in context.weights.items()}
    >>> my_norm.options
    {'power': 1}
    """

    for need in needs:
        if need not in get_args(Need):
            raise SpecError(unknown("need of a criterion", need, get_args(Need)))

    def declare(function: Callable[..., Scores | Scored]) -> Criterion:
        parameters = inspect.signature(function).parameters.values()
        options = {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
        for option, default in options.items():
            if default is inspect.Parameter.empty:
                raise SpecError(f"option '{option}' of criterion '{function.__name__}' has no default: give it one")
        return Criterion(function.__name__, function, needs, paper, scope, granularities, options)

    return declare
