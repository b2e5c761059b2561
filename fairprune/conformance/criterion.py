"""What every criterion has to keep to, tried on a small network of our own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairprune import registry
from fairprune.conformance.checking import Check, CheckResult, UnmetError, run
from fairprune.conformance.sequence import CHECKS as GROUP_AFTER_GROUP
from fairprune.pruning.calibration import Source, untouched, weights_of
from fairprune.pruning.criterion import Context, Criterion, Granularity, Start, Undeclared
from fairprune.pruning.needs.contexts import contexts, gather
from fairprune.pruning.scoring import Scoring, score

LAYERS = ("0", "3", "6", "10")  # convolutions (6: transposed) and a linear layer, each with a batch norm behind
BATCH_NORM_OF = {"0": "1", "3": "4", "6": "7", "10": "11"}
EXAMPLE = torch.zeros(1, 2, 8, 8)


def check_criterion(criterion: Criterion) -> list[CheckResult]:
    """Run the suite, with the criterion's default options. Takes well under a second for a cheap criterion."""
    return run(criterion, checks_of(criterion))


def _declared(criterion: Criterion, _granularity: Granularity) -> str:
    if criterion.steps < 1:
        raise UnmetError(f"steps={criterion.steps}: it has to score at least once")
    if criterion.start not in get_args(Start):
        raise UnmetError(f"start='{criterion.start}': expected {' or '.join(get_args(Start))}")
    for kind, name in (("allocation", criterion.allocation), ("repair", criterion.repair)):
        if name and ":" not in name:
            registry.find(kind, name)  # type: ignore[arg-type]
    return ""


def _scores(criterion: Criterion, granularity: Granularity) -> str:
    _score(_network(), criterion, granularity)
    return ""


def _dead_units(criterion: Criterion, granularity: Granularity) -> str:
    network = _network()
    with torch.no_grad():
        for name in LAYERS:
            layer, norm = network.get_submodule(name), network.get_submodule(BATCH_NORM_OF[name])
            for parameter in [*layer.parameters(), *norm.parameters()]:
                parameter[:2] = 0
    _score(network, criterion, granularity)
    return ""


def _initialised(criterion: Criterion, granularity: Granularity) -> str:
    network = _network()
    for name in BATCH_NORM_OF.values():
        network.get_submodule(name).reset_parameters()  # type: ignore[operator]
    _score(network, criterion, granularity)
    return ""


def _masked(criterion: Criterion, granularity: Granularity) -> str:
    network = _network()
    with torch.no_grad():
        for weight in weights_of(network, LAYERS).values():
            weight[weight.abs() < weight.abs().median()] = 0
    _score(network, criterion, granularity)
    return ""


def _untouched(criterion: Criterion, granularity: Granularity) -> str:
    with _opened(criterion, granularity) as opened:
        for context in opened:
            tensors = dict(_tensors(context))
            before = {name: tensor.clone() for name, tensor in tensors.items()}
            state = torch.get_rng_state()
            criterion(context)
            changed = [name for name, tensor in tensors.items() if not torch.equal(tensor, before[name])]
            if changed:
                raise UnmetError(f"changes {changed[0]} of its context in place: work on a copy")
            if not torch.equal(state, torch.get_rng_state()):
                raise UnmetError("draws from torch's global generator: use context.generator")
    return ""


def _same_seed(criterion: Criterion, granularity: Granularity) -> str:
    first = _score(_network(), criterion, granularity)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        _require_equal(
            first, _score(_network(), criterion, granularity), "scores change from call to call with one seed"
        )
    return ""


def _independent(criterion: Criterion, granularity: Granularity) -> str:
    if criterion.scope == "network":
        return "scope is the network: not checked"
    together = _score(_network(), criterion, granularity)
    for name in reversed(LAYERS):
        alone = _score(_network(), criterion, granularity, [name])
        part = replace(together, scores={name: together.scores[name]})
        _require_equal(part, alone, f"scores of layer '{name}' depend on other layers, though scope is 'layer'")
    return ""


def _permutes(criterion: Criterion, granularity: Granularity) -> str:
    with _opened(criterion, granularity) as plain, _opened(criterion, granularity) as others:
        for context, other in zip(plain, others, strict=True):
            start = context.generator.get_state()
            scores = criterion(context).scores
            if not torch.equal(start, context.generator.get_state()):
                return "draws at random: not checked"
            for name, tensor in criterion(_turned(other)).scores.items():
                if not torch.allclose(_turn(tensor), scores[name], rtol=1e-4, atol=1e-7):
                    raise UnmetError(f"permuting the output units of layer '{name}' does not permute its scores")
    return ""


CHECKS: Mapping[str, Check[Criterion]] = {
    "starts, steps and names that there are": _declared,
    "finite scores of the right shape, from declared needs only": _scores,
    "the same on dead units": _dead_units,
    "the same on an initialisation": _initialised,
    "the same where weights are masked": _masked,
    "context and global generator untouched": _untouched,
    "same seed, same scores": _same_seed,
    "layers scored independently": _independent,
    "permuted units, permuted scores": _permutes,
}
SEQUENCE: Mapping[str, Check[Criterion]] = {"starts, steps and names that there are": _declared, **GROUP_AFTER_GROUP}


def checks_of(criterion: Criterion) -> Mapping[str, Check[Criterion]]:
    """The checks for its scope, by name."""
    return SEQUENCE if criterion.scope == "sequence" else CHECKS


def _network() -> nn.Module:
    """Eight by eight inputs with two channels, four classes; a fixed draw of weights and scales."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(
            *(nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU()),
            *(nn.Conv2d(6, 8, 3, stride=2, groups=2), nn.BatchNorm2d(8), nn.ReLU()),
            *(nn.ConvTranspose2d(8, 4, 2, groups=2), nn.BatchNorm2d(4), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(4 * 16, 10), nn.BatchNorm1d(10), nn.ReLU(), nn.Linear(10, 4)),
        )
        for name in BATCH_NORM_OF.values():
            nn.init.normal_(network.get_submodule(name).get_parameter("weight"))
    return network


def _batches() -> Iterator[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    for size in (8, 5):
        yield torch.randn(size, 2, 8, 8, generator=generator), torch.randint(4, (size,), generator=generator)


def _score(
    network: nn.Module, criterion: Criterion, granularity: Granularity, layers: Sequence[str] = LAYERS
) -> Scoring:
    return score(
        network,
        criterion,
        {},
        granularity=granularity,
        layers=layers,
        batches=_batches,
        loss=F.cross_entropy,
        example=EXAMPLE,
        seed=0,
        batch_norm_of=BATCH_NORM_OF,
    )


@contextmanager
def _opened(criterion: Criterion, granularity: Granularity) -> Iterator[list[Context]]:
    """Contexts whose streams can run."""
    network = _network()
    source = Source(network, _batches, F.cross_entropy, EXAMPLE, BATCH_NORM_OF)
    with untouched(network, criterion.batch_statistics):
        yield list(contexts(criterion, granularity, gather(criterion, source, weights_of(network, LAYERS)), seed=0))


def _tensors(context: Context) -> Iterator[tuple[str, Tensor]]:
    """All that the context holds; needs that were not declared raise when they are read, so they are passed over."""
    for name in ("weights", "gradients", "activations", "batch_norm", "flow"):
        part = getattr(context, name)
        if not isinstance(part, Undeclared):
            yield from ((f"{name}['{layer}']", tensor) for layer, tensor in part.items())


def _turned(context: Context) -> Context:
    """The same layers with their output units in another order; inputs stay."""

    def turn(part: Mapping[str, Tensor], dim: int = 0) -> Mapping[str, Tensor]:
        return part if isinstance(part, Undeclared) else {name: _turn(tensor, dim) for name, tensor in part.items()}

    return replace(
        context,
        weights=turn(context.weights),
        gradients=turn(context.gradients),
        batch_norm=turn(context.batch_norm),
        flow=turn(context.flow),
        gradient_stream=lambda *args, **options: map(turn, context.gradient_stream(*args, **options)),
        gate_stream=lambda chunk: map(turn, context.gate_stream(chunk)),
        hessian=lambda vectors, *args, **options: turn(context.hessian(turn(vectors), *args, **options)),
        outputs=lambda: (turn(part, dim=1) for part in context.outputs()),
    )


def _turn(tensor: Tensor, dim: int = 0) -> Tensor:
    """Units in reverse order inside each half: units of different groups of a convolution see different inputs."""
    return torch.cat([half.flip(dim) for half in tensor.chunk(2, dim)], dim)


def _require_equal(first: Scoring, second: Scoring, otherwise: str) -> None:
    if any(not torch.equal(first.scores[name], second.scores[name]) for name in first.scores):
        raise UnmetError(otherwise)
