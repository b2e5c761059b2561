"""Scoring: a criterion applied to layers of a network; its needs are computed and metered, its result is checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fairprune.errors import PruneError, SpecError, unknown
from fairprune.pruning.answers import checked_weights, finite
from fairprune.pruning.calibration import Batches, Loss, Source, untouched, weights_of
from fairprune.pruning.criterion import Criterion, Granularity, Scored
from fairprune.pruning.layout import shown, stored
from fairprune.pruning.needs.contexts import contexts, gather


@dataclass(frozen=True)
class Scoring:
    """Scores of layers, on the CPU; new weights where the criterion updates them; and what looking cost.

    Multiply-adds spent: sample_passes x multiply-adds of one forward pass of one sample.
    """

    scores: dict[str, Tensor]  # layer name -> shape of the weight in the network, or [out]
    weights: dict[str, Tensor]
    samples: int  # distinct calibration samples that were read
    sample_passes: float  # sum over all passes of samples x passes: forward 1, gradient 3, Hessian-vector product 9


def score(
    network: nn.Module,
    criterion: Criterion,
    options: Mapping[str, Any],
    *,
    granularity: Granularity,
    layers: Sequence[str],
    batches: Batches,
    loss: Loss,
    example: Tensor,
    seed: int,
    batch_norm_of: Mapping[str, str],
) -> Scoring:
    """Score the named layers; the network is left exactly as it was.

    `batches` yields calibration samples; it is called once for every stream that the criterion asks for, and yields
    the same each time. `example` is an input [batch, ...], whose values do not matter. `batch_norm_of` maps a layer to
    the batch norm behind it. Raises SpecError for an unknown option, PruneError for a criterion that does not fit the
    granularity or a layer, or whose result has wrong names or shapes or is not finite.
    """
    check_options(criterion, options)
    if granularity not in criterion.granularities:
        known = " and ".join(criterion.granularities)
        raise PruneError(f"criterion '{criterion.name}' scores {known} units, not {granularity} units")
    weights = weights_of(network, layers)
    source = Source(network, batches, loss, example, batch_norm_of)
    scores: dict[str, Tensor] = {}
    updates: dict[str, Tensor] = {}
    with untouched(network, criterion.batch_statistics):
        for context in contexts(criterion, granularity, gather(criterion, source, weights), seed):
            found = criterion(context, **options)
            seen = {name: shown(network.get_submodule(name), weights[name]).shape for name in context.weights}
            scores |= _stored(network, _checked_scores(criterion, found, seen, granularity))
            updates |= _stored(network, checked_weights(f"criterion '{criterion.name}'", found.weights, seen))
    return Scoring(scores, updates, source.meter.samples, source.meter.sample_passes)


def check_options(criterion: Criterion, options: Mapping[str, Any]) -> None:
    """Raise SpecError for an option that the criterion does not have."""
    for option in options:
        if option not in criterion.options:
            raise SpecError(unknown(f"option of criterion '{criterion.name}'", option, criterion.options))


def _stored(network: nn.Module, found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """In the layout of the network's weights; scores of output units, [out], as they are."""
    return {
        name: value if value.dim() == 1 else stored(network.get_submodule(name), value) for name, value in found.items()
    }


def _checked_scores(
    criterion: Criterion, found: Scored, seen: Mapping[str, torch.Size], granularity: Granularity
) -> dict[str, Tensor]:
    who = f"criterion '{criterion.name}'"
    if not isinstance(found.scores, Mapping):
        raise PruneError(f"{who} returned {type(found.scores).__name__}, expected layer name -> scores")
    for name in found.scores:
        if name not in seen:
            raise PruneError(f"{who} returned scores for " + unknown("layer", name, seen))
    checked = {}
    for name, shape in seen.items():
        if name not in found.scores:
            raise PruneError(f"{who} returned no scores for layer '{name}'")
        shapes = [shape] if granularity == "weight" else [shape, shape[:1]]
        checked[name] = finite(who, f"scores of layer '{name}'", found.scores[name], shapes)
    return checked
