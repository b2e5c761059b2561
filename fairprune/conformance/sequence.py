"""What criteria that go group after group have to keep to, tried on a small network of our own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from fairprune.conformance.checking import Check, UnmetError
from fairprune.pruning.calibration import untouched
from fairprune.pruning.criterion import Context, Criterion, Granularity, Tap, Undeclared
from fairprune.pruning.granularity.channels import ChannelSpace, channel_space
from fairprune.pruning.group_scoring import context_of, unit_scores
from fairprune.pruning.sequence import walk
from fairprune.pruning.taps import dense_outputs, inputs_like, readers, taps_of

EXAMPLE = torch.zeros(1, 2, 8, 8)


def _scores(criterion: Criterion, granularity: Granularity) -> str:
    if granularity != "channel":
        raise UnmetError("scope 'sequence' goes over channels: expected granularities=('channel',)")
    _scored(criterion, _network())
    return ""


def _dead_units(criterion: Criterion, _granularity: Granularity) -> str:
    network = _network()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter[:2] = 0
    _scored(criterion, network)
    return ""


def _untouched(criterion: Criterion, _granularity: Granularity) -> str:
    for context in _contexts(criterion, _network()):
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


def _same_seed(criterion: Criterion, _granularity: Granularity) -> str:
    first = _scored(criterion, _network())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        again = _scored(criterion, _network())
    if any(not torch.equal(one, other) for one, other in zip(first, again, strict=True)):
        raise UnmetError("scores change from call to call with one seed")
    return ""


def _permutes(criterion: Criterion, _granularity: Granularity) -> str:
    for context, other in zip(_contexts(criterion, _network()), _contexts(criterion, _network()), strict=True):
        start = context.generator.get_state()
        scores, turned = criterion(context).scores, criterion(_turned(other)).scores
        for name, tensor in turned.items():
            if not torch.allclose(tensor.flip(0), scores[name], rtol=1e-4, atol=1e-7):
                if not torch.equal(start, context.generator.get_state()):
                    return "draws at random: not checked"
                raise UnmetError(f"permuting the output units of layer '{name}' does not permute its scores")
    return ""


def _walks(criterion: Criterion, _granularity: Granularity) -> str:
    """From group to group, down to one unit, and with nothing to remove."""
    network = _network()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    space = channel_space(network, EXAMPLE)
    for share in (0.0, 0.5, 1.0):
        counts = {group.name: max(1, int(share * group.size)) for group in space.groups}
        kept = walk(network, space, criterion, {}, counts, batches=_batches, seed=0).kept
        if {name: len(indices) for name, indices in kept.items()} != counts:
            raise UnmetError(f"of {counts} units to keep, other numbers are kept")
    changed = [name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])]
    if changed:
        raise UnmetError(f"changes {changed[0]} of the network")
    return ""


CHECKS: Mapping[str, Check[Criterion]] = {
    "finite scores of the right shape, from declared needs only": _scores,
    "the same on dead units": _dead_units,
    "context and global generator untouched": _untouched,
    "same seed, same scores": _same_seed,
    "as many units of each group as asked for": _walks,
    "permuted units, permuted scores": _permutes,
}


def _network() -> nn.Module:
    """Eight by eight inputs with two channels, four classes; a fixed draw of weights and scales."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(
            *(nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU()),
            *(nn.Conv2d(6, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(8 * 9, 10), nn.BatchNorm1d(10), nn.ReLU(), nn.Linear(10, 4)),
        )
        for name in ("1", "4", "8"):
            nn.init.normal_(network.get_submodule(name).get_parameter("weight"))
    return network


def _batches() -> Iterator[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    for size in (24, 16):
        yield torch.randn(size, 2, 8, 8, generator=generator), torch.randint(4, (size,), generator=generator)


def _opened(criterion: Criterion, network: nn.Module) -> Iterator[tuple[ChannelSpace, int, Context]]:
    """The context of each group, while nothing is pruned, with half of its units to be kept."""
    space = channel_space(network, EXAMPLE)
    reading = readers(network, space, range(len(space.groups)))
    with untouched(network):
        layers = [layer for names in reading.values() for layer in names]
        dense = dense_outputs(network, layers, _batches, 0)
        inputs = inputs_like(dense, network, layers, _batches, 0)
        for index, names in reading.items():
            taps = taps_of(network, space, names, inputs, dense, index)
            yield space, index, context_of(criterion, space, index, network, taps, space.groups[index].size // 2, 0)


def _contexts(criterion: Criterion, network: nn.Module) -> list[Context]:
    return [context for _, _, context in _opened(criterion, network)]


def _scored(criterion: Criterion, network: nn.Module) -> list[Tensor]:
    return [
        unit_scores(criterion, {}, context, space, index, "mean")
        for space, index, context in _opened(criterion, network)
    ]


def _tensors(context: Context) -> Iterator[tuple[str, Tensor]]:
    yield from ((f"weights['{layer}']", weight) for layer, weight in context.weights.items())
    if not isinstance(context.taps, Undeclared):
        for layer, tap in context.taps.items():
            yield from ((f"taps['{layer}'].{name}", tensor) for name, tensor in vars(tap).items())


def _turned(context: Context) -> Context:
    """The same group with its units, and the inputs that belong to them, in reverse order."""
    weights = {name: weight.flip(0) for name, weight in context.weights.items()}
    if isinstance(context.taps, Undeclared):
        return replace(context, weights=weights)
    return replace(context, weights=weights, taps={name: _turn(tap) for name, tap in context.taps.items()})


def _turn(tap: Tap) -> Tap:
    units = torch.where(tap.units < 0, -1, tap.units.max() - tap.units)
    return Tap(tap.inputs.flip(1), tap.outputs, tap.weight.flip(1), units.flip(0))
