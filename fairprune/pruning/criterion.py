"""The contract of a criterion: a function of a context that returns scores; higher = keep."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

Need = Literal["gradients", "activations", "batch_norm"]
Granularity = Literal["weight", "channel"]


@dataclass(frozen=True)
class Context:
    """What a criterion may see. Only declared needs are filled in; the framework computes and meters them.

    weights      layer name -> weight, [out, in, ...], of the layers being scored (one, for scope "layer")
    gradients    layer name -> mean gradient of the loss over the calibration samples, shape of the weight
    activations  layer name -> mean |input| over calibration samples and positions, [in]
    batch_norm   layer name -> scale of the batch norm behind it, [out]
    generator    for a criterion that draws: seeded by purpose, run seed and layer
    """

    weights: Mapping[str, Tensor]
    generator: torch.Generator
    gradients: Mapping[str, Tensor] = field(default_factory=dict)
    activations: Mapping[str, Tensor] = field(default_factory=dict)
    batch_norm: Mapping[str, Tensor] = field(default_factory=dict)


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

    def declare(function: Callable[..., Scores | Scored]) -> Criterion:
        parameters = inspect.signature(function).parameters.values()
        options = {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
        return Criterion(function.__name__, function, needs, paper, scope, granularities, options)

    return declare
