"""The contract of a criterion: a function of a context that returns scores; higher = keep."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn, Protocol, TypeAlias, get_args

import torch
from torch import Tensor

from fairprune.errors import PruneError, SpecError, unknown

Need = Literal[
    "gradients", "activations", "batch_norm", "gradient_stream", "gate_stream", "hessian", "outputs", "flow", "taps"
]
Granularity = Literal["weight", "channel", "block"]


def _not_there(*_: Any, **__: Any) -> NoReturn:
    raise PruneError("a need was read that is not there: the criterion has to declare it")


@dataclass(frozen=True)
class Tap:
    """Samples of what one layer computes that reads the units at hand, for criteria that reconstruct its output.

    inputs   [samples, in, kernel positions]: what it sees, in the network as far as it has been pruned
    outputs  [samples, out]: what it yields in the dense network, bias left out
    weight   [out, in, kernel positions], as it stands
    units    int64 [in]: which unit of the group each input belongs to, -1 for those of other groups
    """

    inputs: Tensor
    outputs: Tensor
    weight: Tensor
    units: Tensor


class GradientStream(Protocol):
    """Gradients of parts of the calibration samples, one after the other."""

    def __call__(self, chunk: int, temperature: float = 1.0) -> Iterator[Mapping[str, Tensor]]:
        """Layer name -> gradient of the mean loss over the next `chunk` samples; over those left, for the last.

        The network's outputs are divided by `temperature` before the loss.
        """
        ...


class GateStream(Protocol):
    """Gradients for the gates of units, of parts of the calibration samples, one after the other."""

    def __call__(self, chunk: int) -> Iterator[Mapping[str, Tensor]]:
        """Layer name -> gradient of the mean loss over the next `chunk` samples; over those left, for the last.

        A gate is a factor of one: on each weight (shape of the weight), or for channels on what comes out of each unit,
        behind the batch norm where one follows the layer ([out]).
        """
        ...


class Hessian(Protocol):
    """The Hessian of the mean loss over all calibration samples, as a product with vectors."""

    def __call__(self, vectors: Mapping[str, Tensor], temperature: float = 1.0) -> Mapping[str, Tensor]:
        """Layer name -> product, from layer name -> vector of the weight's shape; a layer left out counts as zeros.

        The network's outputs are divided by `temperature` before the loss.
        """
        ...


@dataclass(frozen=True)
class Context:
    """What a criterion may see. Only declared needs are filled in; the framework computes and meters them.

    Tensors are copies, on the device of the network; reading a need that was not declared raises PruneError.

    weights      layer name -> weight, [out, in / groups, ...], of the layers being scored (one, for scope "layer"): of
                 transposed convolutions too, whose weights torch keeps otherwise; answers are turned back
    gradients    layer name -> mean gradient of the loss over the calibration samples, shape of the weight
    activations  layer name -> mean |input| over calibration samples and positions, [in]
    batch_norm   layer name -> scale of the batch norm behind it, [out]
    gradient_stream  chunk -> iterator of layer name -> gradient of the mean loss over the next `chunk` samples
    gate_stream  chunk -> iterator of layer name -> the same for a factor of one on each unit: on weights w * dL/dw,
                 for channels [out], behind the batch norm where there is one
    hessian      layer name -> vectors of the weights' shapes; returns the Hessian of the mean loss over the calibration
                 samples times these vectors (only weights of the scored layers vary). Both may be told a temperature
    outputs      () -> iterator, batch by batch, of layer name -> what comes out of it, or of the batch norm behind it
                 where there is one: [batch, out, ...]
    flow         layer name -> |w| * dR/d|w| / |R|, shape of the weight: R is the sum of the outputs for an input of
                 ones, with every parameter and buffer replaced by its absolute value (no calibration sample is read)
    taps         layer that reads the group's units -> Tap (scope "sequence", and repairs)
    count        how many units of the group the target keeps (scope "sequence" only)
    generator    for a criterion that draws: on the CPU, seeded by purpose, run seed and layer
    granularity  what will be removed; a criterion may answer channels with one number per output unit
    """

    weights: Mapping[str, Tensor]
    generator: torch.Generator
    granularity: Granularity = "weight"
    gradients: Mapping[str, Tensor] = field(default_factory=dict)
    activations: Mapping[str, Tensor] = field(default_factory=dict)
    batch_norm: Mapping[str, Tensor] = field(default_factory=dict)
    gradient_stream: GradientStream = _not_there
    gate_stream: GateStream = _not_there
    hessian: Hessian = _not_there
    outputs: Callable[[], Iterator[Mapping[str, Tensor]]] = _not_there
    flow: Mapping[str, Tensor] = field(default_factory=dict)
    taps: Mapping[str, Tap] = field(default_factory=dict)
    count: int = 0


@dataclass(frozen=True)
class Undeclared(Mapping[str, Any]):
    """Stands for a need that a criterion (or repair) did not declare: reading or calling it raises PruneError."""

    criterion: str
    need: Need
    kind: str = "criterion"

    def __getitem__(self, layer: str) -> Tensor:
        raise self._error()

    def __iter__(self) -> Iterator[str]:
        raise self._error()

    def __len__(self) -> int:
        raise self._error()

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        """Raise PruneError."""
        raise self._error()

    def _error(self) -> PruneError:
        return PruneError(
            f"{self.kind} '{self.criterion}' reads {self.need} without declaring it: needs=('{self.need}',)"
        )


@dataclass(frozen=True)
class Scored:
    """Scores, and new weights where the criterion also updates them (OBS, ThiNet)."""

    scores: Mapping[str, Tensor]
    weights: Mapping[str, Tensor] = field(default_factory=dict)


Scores: TypeAlias = Mapping[str, Tensor]
# Layer name -> shape of its weight, number of calibration samples, options; raises PruneError or SpecError.
Check: TypeAlias = Callable[[Mapping[str, torch.Size], int, Mapping[str, Any]], None]
Scope = Literal["layer", "network", "sequence"]
Start = Literal["trained", "init"]


@dataclass(frozen=True)
class Criterion:
    """A scoring function with what it needs, its source, where it applies, and its paper's defaults.

    scope       layer: one layer at a time. network: all at once. sequence: group after group in network order, each
                scored on the network as it is after the groups before it were pruned and repaired
    start       trained: it prunes the base model. init: it prunes the initialisation, which is trained afterwards
    steps       how often it scores and removes on the way to a target, without training in between
    batch_statistics  whether batch norms normalise by the batch while it looks, not by what training has gathered
    allocation  how a target is spread over layers; "": the default of the granularity
    repair      what mends the layers afterwards; "": nothing
    check       refuses, before anything is computed, layers that it cannot work on (memory, shapes); None: none
    """

    name: str
    function: Callable[..., Scores | Scored]
    needs: tuple[Need, ...]
    paper: str
    scope: Scope
    granularities: tuple[Granularity, ...]
    options: Mapping[str, Any]  # option -> default, from the keyword-only arguments
    start: Start = "trained"
    steps: int = 1
    allocation: str = ""
    repair: str = ""
    batch_statistics: bool = False
    check: Check | None = None

    def __call__(self, context: Context, **options: Any) -> Scored:
        """What the function returns, as Scored."""
        result = self.function(context, **options)
        return result if isinstance(result, Scored) else Scored(result)


def criterion(
    *,
    needs: tuple[Need, ...] = (),
    paper: str = "",
    scope: Scope = "layer",
    granularities: tuple[Granularity, ...] = ("weight", "channel"),
    start: Start = "trained",
    steps: int = 1,
    allocation: str = "",
    repair: str = "",
    batch_statistics: bool = False,
    check: Check | None = None,
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

    check_needs("criterion", needs)
    check_granularities("criterion", granularities)

    def declare(function: Callable[..., Scores | Scored]) -> Criterion:
        options = options_of(function, "context")
        named = function.__name__, function, needs, paper, scope, granularities, options
        return Criterion(*named, start, steps, allocation, repair, batch_statistics, check)

    return declare


def check_needs(who: str, needs: tuple[Need, ...]) -> None:
    """Raise SpecError for a need that there is not."""
    for need in needs:
        if need not in get_args(Need):
            raise SpecError(unknown(f"need of a {who}", need, get_args(Need)))


def check_granularities(who: str, granularities: tuple[Granularity, ...]) -> None:
    """Raise SpecError for a granularity that there is not."""
    for granularity in granularities:
        if granularity not in get_args(Granularity):
            raise SpecError(unknown(f"granularity of a {who}", granularity, get_args(Granularity)))


def options_of(function: Callable[..., Any], *takes: str) -> dict[str, Any]:
    """Options of a component with their defaults: its keyword-only arguments.

    Raises SpecError for one without a default, and for a function that cannot be called with what it has to take.
    """
    signature = inspect.signature(function)
    try:
        signature.bind_partial(*takes)
    except TypeError:
        found = f"{function.__name__}{signature}"
        raise SpecError(f"{found}: expected a function of ({', '.join(takes)}, *, options with defaults)") from None
    parameters = signature.parameters.values()
    options = {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
    for option, default in options.items():
        if default is inspect.Parameter.empty:
            raise SpecError(f"option '{option}' of '{function.__name__}' has no default: give it one")
    return options
