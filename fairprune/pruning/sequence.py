"""Group after group in the network's order: channels are chosen and what reads them is mended, on what is left so far.

Layers that read prunable channels are visited in the order in which the network runs. At the first reader of a group
the group is scored and its best units are kept; all its readers ignore the others from then on, so that whatever lies
behind sees the pruned network. Then the layer itself is mended: from what it sees now, towards what it yields in the
network as it was handed over. Layers that lose no input stay as they are. That makes one forward pass over the
calibration samples for each layer that loses inputs, and one for the outputs to be met.

Channels of a residual stream, which many layers make and read, are groups like others: a criterion gets the taps of all
their readers, of which those behind the first have not been mended yet. The papers prune inside blocks only; a study
that follows them spares the layers that make the stream.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from fairprune.errors import PruneError, unknown
from fairprune.pruning.allocation import Allocation, select
from fairprune.pruning.calibration import Batches, untouched
from fairprune.pruning.criterion import Criterion, Tap
from fairprune.pruning.granularity.channels import ChannelSpace
from fairprune.pruning.group_scoring import context_of, unit_scores
from fairprune.pruning.repair import Repair
from fairprune.pruning.scoring import check_options
from fairprune.pruning.space import Counts, Kept, Space
from fairprune.pruning.tap_repair import Mend, mending, remaining_inputs
from fairprune.pruning.taps import dense_outputs, inputs_like, readers, taps_of
from fairprune.pruning.target import Choice, reach
from fairprune.record import Size
from fairprune.spec import Target


@dataclass(frozen=True)
class Walked:
    """What is kept, new weights of the layers that were mended, and what looking cost.

    kept           every group of the space
    weights        layer -> weight of its shape before pruning, on the CPU; zero where it reads what is removed
    samples        calibration samples that were looked at, each `sample_passes / samples` times
    sample_passes  samples x forward passes of the network as it was handed over, which is not smaller yet
    """

    kept: Kept
    weights: dict[str, Tensor]
    samples: int
    sample_passes: float


def counts_ahead(
    space: Space, name: str, allocate: Allocation, target: Target, dense: Size, units: int | None = None
) -> Choice:
    """The choice of `reach` while there are no scores: its counts and sizes are right, its `kept` is not.

    Raises PruneError for an allocation (of that `name`) whose amounts depend on scores, and as `reach` does.
    """
    sizes = [group.size for group in space.groups]
    rising = torch.split(torch.arange(sum(sizes), dtype=torch.float64), sizes)
    names = [group.name for group in space.groups]
    first, second = (
        reach(space, dict(zip(names, scores, strict=True)), allocate, target, dense, units)
        for scores in (rising, [-part for part in rising])
    )
    if first.counts != second.counts:
        raise PruneError(
            f"allocation '{name}' compares scores across layers, and this criterion has them for one layer after the "
            f"other: expected an allocation that needs no scores (uniform, given, like)"
        )
    return first


def walk(
    network: nn.Module,
    space: Space,
    criterion: Criterion,
    options: Mapping[str, Any],
    counts: Counts,
    *,
    batches: Batches,
    seed: int,
    reduce: str = "mean",
    repair: Repair | None = None,
    repair_options: Mapping[str, Any] | None = None,
) -> Walked:
    """Keep `counts[group]` units of each group (absent groups: all), chosen by a criterion of scope "sequence".

    The network is left exactly as it was. `batches` is called once for each pass and has to yield the same each time.
    `reduce` joins the scores of several channels that make up one unit. Raises SpecError for an unknown option,
    PruneError for a criterion or repair that does not fit, and for scores or weights that are wrong.
    """
    channels = channels_of(space)
    check_options(criterion, options)
    check_walks(criterion)
    _check_counts(channels, counts)

    def decide(index: int, work: nn.Module, taps: Mapping[str, Tap]) -> Tensor:
        name = channels.groups[index].name
        context = context_of(criterion, channels, index, work, taps, counts[name], seed)
        return select({name: unit_scores(criterion, options, context, channels, index, reduce)}, counts)[name]

    mend = mending(repair, repair_options or {}, seed) if repair else None
    return _along(network, counts, _Course(channels, decide, "taps" in criterion.needs, mend, batches, seed))


def repair_along(
    network: nn.Module,
    space: Space,
    kept: Kept,
    repair: Repair,
    options: Mapping[str, Any],
    *,
    batches: Batches,
    seed: int,
) -> Walked:
    """Mend the layers that read what a choice removes (absent groups: nothing), each on the pruned ones before it.

    The network is left exactly as it was; `batches` and errors are as in `walk`.
    """
    channels = channels_of(space)
    channels.plan(kept)  # raises for indices that do not fit

    def decide(index: int, _work: nn.Module, _taps: Mapping[str, Tap]) -> Tensor:
        return kept[channels.groups[index].name].cpu()

    counts = {name: len(indices) for name, indices in kept.items()}
    return _along(network, counts, _Course(channels, decide, False, mending(repair, options, seed), batches, seed))


def check_walks(criterion: Criterion) -> None:
    """Raise PruneError for a criterion that cannot go group after group."""
    if criterion.scope != "sequence" or set(criterion.needs) - {"taps"}:
        raise PruneError(
            f"criterion '{criterion.name}' cannot go group after group: expected scope 'sequence' and no need but "
            f"'taps', got scope '{criterion.scope}' and needs {list(criterion.needs)}"
        )


def channels_of(space: Space) -> ChannelSpace:
    """The space as one of channels. Raises PruneError for other units, which have no taps."""
    if not isinstance(space, ChannelSpace):
        raise PruneError(f"taps show channels: expected granularity 'channel', got '{space.granularity}'")
    return space


def _check_counts(space: ChannelSpace, counts: Counts) -> None:
    sizes = {group.name: group.size for group in space.groups}
    for name, count in counts.items():
        if name not in sizes:
            raise PruneError(unknown("group of channels", name, sizes))
        if not 1 <= count <= sizes[name]:
            raise PruneError(f"units to keep of group '{name}': expected 1 to {sizes[name]}, got {count}")


Decide: TypeAlias = Callable[[int, nn.Module, Mapping[str, Tap]], Tensor]  # -> sorted indices of the units kept


@dataclass(frozen=True)
class _Course:
    """How to go along a network: what decides on a group, whether it looks at taps, and what mends a layer."""

    space: ChannelSpace
    decide: Decide
    looks: bool
    mend: Mend | None
    batches: Batches
    seed: int


@dataclass(frozen=True)
class _Stop:
    """One layer on the way, the groups (by index) decided there, their readers, and the layers to be tapped."""

    layer: str
    groups: Mapping[int, tuple[str, ...]]
    tapped: frozenset[str]


def _along(network: nn.Module, counts: Counts, course: _Course) -> Walked:
    """Visit the layers in order, on a copy of the network that is pruned (by zeros) and mended on the way."""
    space, work = course.space, copy.deepcopy(network)
    kept: dict[str, Tensor] = {group.name: torch.arange(group.size) for group in space.groups}
    weights: dict[str, Tensor] = {}
    stops = _stops(work, counts, course)
    passes = sum(bool(stop.tapped) for stop in stops)
    with untouched(work), torch.no_grad():
        dense = dense_outputs(work, [stop.layer for stop in stops] if passes else [], course.batches, course.seed)
        for stop in stops:
            inputs = inputs_like(dense, work, stop.tapped, course.batches, course.seed)
            for index, reading in stop.groups.items():
                taps = taps_of(work, space, reading if course.looks else (), inputs, dense, index)
                kept[space.groups[index].name] = course.decide(index, work, taps)
                _silence_(work, space, kept, reading)
            if course.mend and stop.layer in inputs.values:
                tap = taps_of(work, space, (stop.layer,), inputs, dense)[stop.layer]
                weight = work.get_submodule(stop.layer).get_parameter("weight")
                remaining = remaining_inputs(space, kept, stop.layer, weight)
                weights[stop.layer] = course.mend(network, stop.layer, tap, remaining).cpu()
                weight.copy_(weights[stop.layer])
    return Walked(kept, weights, dense.images, float(dense.images * (passes + 1)))


def _stops(work: nn.Module, counts: Counts, course: _Course) -> list[_Stop]:
    """The layers that read groups which lose something, in order; a group is decided at its first reader."""
    space = course.space
    losing = [i for i, group in enumerate(space.groups) if counts.get(group.name, group.size) < group.size]
    reading = readers(work, space, losing)
    stops = []
    for layer in space.producers:
        if any(layer in layers for layers in reading.values()):
            groups = {index: layers for index, layers in reading.items() if layers[0] == layer}
            tapped = {name for layers in groups.values() for name in layers if course.looks}
            stops.append(_Stop(layer, groups, frozenset(tapped | ({layer} if course.mend else set()))))
    return stops


def _silence_(work: nn.Module, space: ChannelSpace, kept: Kept, layers: tuple[str, ...]) -> None:
    """Readers no longer read what is removed."""
    for layer in layers:
        weight = work.get_submodule(layer).get_parameter("weight")
        weight.mul_(remaining_inputs(space, kept, layer, weight))
