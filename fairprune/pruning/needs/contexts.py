"""Contexts of criteria: what they declared that they need, and nothing else. See `fairprune.pruning.layout`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import Tensor, nn

from fairprune import seeds
from fairprune.pruning.calibration import Source
from fairprune.pruning.criterion import Context, Criterion, Granularity, Need, Undeclared
from fairprune.pruning.layout import shown, stored
from fairprune.pruning.needs.flow import flow
from fairprune.pruning.needs.gates import unit_gates, weight_gates
from fairprune.pruning.needs.gradients import gradient_stream
from fairprune.pruning.needs.hessian import check_vectors, hessian_product
from fairprune.pruning.needs.means import Means, means
from fairprune.pruning.needs.outputs import outputs
from fairprune.pruning.needs.scales import scales_of


@dataclass(frozen=True)
class Evidence:
    """All that may enter contexts: where streams begin, weights, and what is computed once for all layers.

    The weights are laid out as in the network, the rest as criteria see it.
    """

    source: Source
    weights: Mapping[str, Tensor]
    means: Means
    scales: Mapping[str, Tensor]
    flow: Mapping[str, Tensor]


def gather(criterion: Criterion, source: Source, weights: Mapping[str, Tensor]) -> Evidence:
    """The evidence for a criterion, so far as it declared that it needs it. Call it inside `untouched`."""
    needs, layers = criterion.needs, list(weights)
    # scales first: a layer without one is refused before anything is computed
    scales = scales_of(source.network, criterion, layers, source.batch_norm_of) if "batch_norm" in needs else {}
    found = flow(source, weights) if "flow" in needs and weights else {}
    averages = means(source, weights, needs)
    averages = replace(averages, gradients=_shown(source.network, averages.gradients))
    return Evidence(source, weights, averages, _copies(scales), _shown(source.network, found))


def contexts(criterion: Criterion, granularity: Granularity, evidence: Evidence, seed: int) -> Iterator[Context]:
    """One context per layer, or one of all layers for scope "network". Tensors are the criterion's own.

    Each draws from a generator of its own, so that no layer's scores depend on the others'. Streams run when the
    criterion asks for them: use contexts inside `untouched`.
    """
    names = list(evidence.weights)
    groups = [[name] for name in names] if criterion.scope == "layer" else [names]
    for layers in filter(None, groups):
        yield _context(criterion, granularity, evidence, layers, seed)


def _context(
    criterion: Criterion, granularity: Granularity, evidence: Evidence, layers: Sequence[str], seed: int
) -> Context:
    source, weights = evidence.source, {name: evidence.weights[name] for name in layers}
    show = partial(_shown, source.network)
    seen = _copies(show(weights))
    shapes = {name: weight.shape for name, weight in seen.items()}

    def declared(need: Need, value: Any) -> Any:
        return value if need in criterion.needs else Undeclared(criterion.name, need)

    def part(need: Need, values: Mapping[str, Tensor]) -> Any:
        return declared(need, {name: values[name] for name in layers if need in criterion.needs})

    def stream(chunk: int, temperature: float = 1.0) -> Iterator[Mapping[str, Tensor]]:
        return map(show, gradient_stream(source, weights, chunk, temperature))

    def gates(chunk: int) -> Iterator[Mapping[str, Tensor]]:
        return (
            unit_gates(source, weights, chunk)
            if granularity != "weight"
            else map(show, weight_gates(source, weights, chunk))
        )

    def product(vectors: Mapping[str, Tensor], temperature: float = 1.0) -> Mapping[str, Tensor]:
        check_vectors(shapes, vectors)
        turned = {name: stored(source.network.get_submodule(name), vector) for name, vector in vectors.items()}
        return show(hessian_product(source, weights, turned, temperature))

    return Context(
        weights=seen,
        generator=seeds.generator("criterion", seed, layers[0] if criterion.scope == "layer" else "*"),
        granularity=granularity,
        gradients=part("gradients", evidence.means.gradients),
        activations=part("activations", evidence.means.activations),
        batch_norm=part("batch_norm", evidence.scales),
        gradient_stream=declared("gradient_stream", stream),
        gate_stream=declared("gate_stream", gates),
        hessian=declared("hessian", product),
        outputs=declared("outputs", partial(outputs, source, layers)),
        flow=part("flow", evidence.flow),
        taps=declared("taps", {}),
    )


def _shown(network: nn.Module, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: shown(network.get_submodule(name), value) for name, value in values.items()}


def _copies(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in values.items()}
