"""Scoring: a criterion applied to layers of a network; its needs are computed and metered, its result is checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from fairprune import seeds
from fairprune.errors import PruneError, SpecError, unknown
from fairprune.pruning.calibration import Batches, Loss, Observed, observe, untouched, weights_of
from fairprune.pruning.criterion import Context, Criterion, Granularity, Need, Scored, Undeclared


@dataclass(frozen=True)
class Scoring:
    """Scores of layers, on the CPU; new weights where the criterion updates them; and what looking cost.

    Multiply-adds spent: samples x passes x multiply-adds of one forward pass.
    """

    scores: dict[str, Tensor]  # layer name -> shape of the weight, or [out]
    weights: dict[str, Tensor]
    samples: int
    passes: float


def score(
    network: nn.Module,
    criterion: Criterion,
    options: Mapping[str, Any],
    *,
    granularity: Granularity,
    layers: Sequence[str],
    batches: Batches,
    loss: Loss,
    seed: int,
    batch_norm_of: Mapping[str, str],
) -> Scoring:
    """Score the named layers; the network is left exactly as it was.

    `batches` yields calibration samples and is called once, only if the criterion needs them. `batch_norm_of` maps a
    layer to the batch norm behind it. Raises SpecError for an unknown option, PruneError for a criterion that does
    not fit the granularity or a layer, or whose result has wrong names or shapes or is not finite.
    """
    check_options(criterion, options)
    if granularity not in criterion.granularities:
        known = " and ".join(criterion.granularities)
        raise PruneError(f"criterion '{criterion.name}' scores {known} units, not {granularity} units")
    weights = weights_of(network, layers)
    scales = scales_of(network, criterion, layers, batch_norm_of) if "batch_norm" in criterion.needs else {}
    with untouched(network):
        observed = observe(network, weights, criterion.needs, batches, loss)
        evidence = Evidence(weights, observed, scales)
        scores: dict[str, Tensor] = {}
        updates: dict[str, Tensor] = {}
        for context in contexts(criterion, granularity, evidence, seed):
            found = criterion(context, **options)
            part = {name: weights[name] for name in context.weights}
            scores |= _checked_scores(criterion, found, part, granularity)
            updates |= _checked_updates(criterion, found, part)
    return Scoring(scores, updates, observed.samples, observed.passes)


def check_options(criterion: Criterion, options: Mapping[str, Any]) -> None:
    """Raise SpecError for an option that the criterion does not have."""
    for option in options:
        if option not in criterion.options:
            raise SpecError(unknown(f"option of criterion '{criterion.name}'", option, criterion.options))


def scales_of(
    network: nn.Module, criterion: Criterion, layers: Sequence[str], batch_norm_of: Mapping[str, str]
) -> dict[str, Tensor]:
    """The scale of the batch norm behind each layer, [out]. Raises PruneError for a layer without one."""
    scales: dict[str, Tensor] = {}
    for layer in layers:
        scale = (
            network.get_submodule(batch_norm_of[layer])._parameters.get("weight") if layer in batch_norm_of else None
        )
        if scale is None:
            raise PruneError(
                f"criterion '{criterion.name}' needs a batch norm with a scale behind layer '{layer}', which has none: "
                f"spare that layer or take another criterion"
            )
        scales[layer] = scale
    return scales


@dataclass(frozen=True)
class Evidence:
    """All that may enter contexts: weights, means over calibration samples, scales of batch norms."""

    weights: Mapping[str, Tensor]
    observed: Observed = field(default_factory=Observed)
    scales: Mapping[str, Tensor] = field(default_factory=dict)


def contexts(criterion: Criterion, granularity: Granularity, evidence: Evidence, seed: int) -> Iterator[Context]:
    """One context per layer, or one of all layers for scope "network". Tensors are copies.

    Each draws from a generator of its own, so that no layer's scores depend on the others'.
    """
    names = list(evidence.weights)
    groups = [[name] for name in names] if criterion.scope == "layer" else [names]
    for layers in filter(None, groups):
        axis = layers[0] if criterion.scope == "layer" else "*"
        yield Context(
            weights=_copies(evidence.weights, layers),
            generator=seeds.generator("criterion", seed, axis),
            granularity=granularity,
            gradients=_declared(criterion, "gradients", evidence.observed.gradients, layers),
            activations=_declared(criterion, "activations", evidence.observed.activations, layers),
            batch_norm=_declared(criterion, "batch_norm", evidence.scales, layers),
        )


def _declared(
    criterion: Criterion, need: Need, values: Mapping[str, Tensor], layers: Sequence[str]
) -> Mapping[str, Tensor]:
    return _copies(values, layers) if need in criterion.needs else Undeclared(criterion.name, need)


def _copies(values: Mapping[str, Tensor], layers: Sequence[str]) -> dict[str, Tensor]:
    return {name: values[name].detach().clone() for name in layers}


def _checked_scores(
    criterion: Criterion, found: Scored, weights: Mapping[str, Tensor], granularity: Granularity
) -> dict[str, Tensor]:
    who = f"criterion '{criterion.name}'"
    if not isinstance(found.scores, Mapping):
        raise PruneError(f"{who} returned {type(found.scores).__name__}, expected layer name -> scores")
    for name in found.scores:
        if name not in weights:
            raise PruneError(f"{who} returned scores for " + unknown("layer", name, weights))
    checked = {}
    for name, weight in weights.items():
        if name not in found.scores:
            raise PruneError(f"{who} returned no scores for layer '{name}'")
        shapes = [weight.shape] if granularity == "weight" else [weight.shape, weight.shape[:1]]
        checked[name] = _finite(who, f"scores of layer '{name}'", found.scores[name], shapes)
    return checked


def _checked_updates(criterion: Criterion, found: Scored, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    who = f"criterion '{criterion.name}'"
    for name in found.weights:
        if name not in weights:
            raise PruneError(f"{who} returned weights for " + unknown("layer", name, weights))
    return {
        name: _finite(who, f"weights of layer '{name}'", value, [weights[name].shape])
        for name, value in found.weights.items()
    }


def _finite(who: str, what: str, value: Tensor, shapes: Sequence[torch.Size]) -> Tensor:
    """The tensor as floating point on the CPU, detached from whatever made it. Raises PruneError if it does not fit."""
    if not isinstance(value, Tensor):
        raise PruneError(f"{who}: {what} are {type(value).__name__}, expected a tensor")
    if value.shape not in shapes:
        expected = " or ".join(str(list(shape)) for shape in shapes)
        raise PruneError(f"{who}: {what} have shape {list(value.shape)}, expected {expected}")
    value = value.detach() if value.is_floating_point() else value.detach().double()
    if not bool(torch.isfinite(value).all()):
        bad = int((~torch.isfinite(value)).sum())
        raise PruneError(f"{who}: {what} have {bad} values that are NaN or infinite")
    return value.cpu()
