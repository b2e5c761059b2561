"""Architectures from pruned networks, as Liu et al. 2019 (arXiv:1810.05270, section 5) derive them. Nothing is trained.

What an automatic method has kept is compared with uniform pruning to the same size, and its average over stages (layers
with feature maps of one size) designs new networks: of the same kind ("guided"), or of another network or data set
("transferred"). All of it follows from the amounts kept, as in `Record.kept`, or from masks. Exported as `fp.designs`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from fairprune import seeds
from fairprune.errors import PruneError, unknown
from fairprune.measure.cost import count
from fairprune.pruning.allocation import Allocation, given, ratios_of, uniform
from fairprune.pruning.apply import pruned, space_of
from fairprune.pruning.plan import DensePlan, MaskPlan, Plan
from fairprune.pruning.space import Group, Space
from fairprune.pruning.target import Choice, reach
from fairprune.spec import Target

Amounts: TypeAlias = Mapping[str, tuple[int, int]]  # group or layer -> units kept, units of the dense network
Stages: TypeAlias = Mapping[str, str]  # pattern of group or layer names -> stage; the last pattern that matches counts


def space(
    network: nn.Module, example: Tensor, granularity: str = "channel", spare: tuple[str, ...] = ("classifier",)
) -> Space:
    """What can be pruned of a dense network: its groups, and what it costs to keep some of their units."""
    return space_of(network, DensePlan(), example, granularity, spare)


def build(network: nn.Module, plan: Plan) -> nn.Module:
    """A copy of the network as a plan leaves it: smaller, or masked. It has the network's weights, to be drawn anew."""
    return pruned(network, plan)


def uniform_counterpart(
    space: Space, kept: Amounts, axis: Literal["compression", "speedup"] = "compression", seed: int = 0
) -> Choice:
    """Uniform pruning to the parameters (or, by speedup, the multiply-adds) of a network that keeps `kept` in `space`.

    Only the amounts mean anything: the units are drawn at random. Raises PruneError where `kept` is of another space.
    """
    sizes = {group.name: group.size for group in space.groups}
    for name in {**kept, **sizes}:
        if name not in kept or name not in sizes or kept[name][1] != sizes[name] or kept[name][0] > sizes[name]:
            raise PruneError(f"group '{name}' is not the same in what is kept and in the network (same granularity?)")
    dense, small = space.size(sizes), space.size({name: number for name, (number, _) in kept.items()})
    value = dense.params / small.params if axis == "compression" else dense.macs / small.macs
    return _drawn(space, uniform, Target(axis=axis, value=value), seed)


def stages_of(network: nn.Module, example: Tensor) -> dict[str, str]:
    """Convolution -> "stage1", "stage2" ...: those whose output has as many positions, the largest maps first.

    In a residual network the channels of the stream are coupled over all of a stage: name the convolutions inside the
    blocks instead, e.g. {"layer1.*.conv1": "stage1", ...}.
    """
    found = {layer.name: layer.positions for layer in count(network, example).layers if layer.kind == "convolution"}
    order = sorted(set(found.values()), reverse=True)
    return {name: f"stage{order.index(positions) + 1}" for name, positions in found.items()}


def guided(kept: Amounts, stages: Stages) -> dict[str, float]:
    """Stage -> fraction removed, averaged over its groups: units removed of units that there were.

    Where stages are called like their patterns ("layer1.*.conv1"), these are `ratios` for allocation `given`; else see
    `designed`. Groups that no pattern matches do not count. Raises PruneError if none is matched.
    """
    totals: dict[str, tuple[int, int]] = {}
    for name, (number, size) in kept.items():
        stage = _stage(name, stages)
        if stage is not None:
            before = totals.get(stage, (0, 0))
            totals[stage] = before[0] + number, before[1] + size
    if not totals:
        raise PruneError(
            f"no stage matches what is kept: expected patterns of {', '.join(list(kept)[:5]) or 'nothing'}"
        )
    return {stage: 1 - number / size for stage, (number, size) in totals.items()}


def designed(ratios: Mapping[str, float], stages: Stages, groups: Sequence[Group]) -> dict[str, float]:
    """The `ratios` (for allocation `given`) of a network with these stages and groups: each group those of its stage.

    A group of a stage that has no ratio keeps everything. Raises PruneError for a ratio of a stage that is not there.
    """
    placed = {group.name: _stage(group.name, stages) for group in groups}
    found = {stage for stage in placed.values() if stage is not None}
    for stage in ratios:
        if stage not in found:
            raise PruneError(unknown("stage of the network to design", stage, found))
    return {name: ratios[stage] for name, stage in placed.items() if stage is not None and stage in ratios}


def stated(groups: Sequence[Group], ratios: Mapping[str, float]) -> float:
    """The fraction of all units that these ratios of layer patterns remove, before rounding.

    Asked for as the target's ratio, it makes allocation `given` take the ratios as they are.
    """
    removed = ratios_of(groups, ratios)
    return sum(removed[group.name] * group.size for group in groups) / sum(group.size for group in groups)


def design(space: Space, ratios: Mapping[str, float], target: Target | None = None, seed: int = 0) -> Choice:
    """The network that keeps these amounts, or, with a target, their profile at that size (see `given`).

    Its units are drawn at random: `space.plan(choice.kept)` is an architecture to be trained from scratch.
    """
    allocation = partial(given, ratios=ratios_of(space.groups, ratios))
    return _drawn(space, allocation, target or Target(axis="ratio", value=stated(space.groups, ratios)), seed)


def kept_of(masks: Mapping[str, Tensor]) -> dict[str, tuple[int, int]]:
    """Layer -> weights kept and weights, from masks of parameters (True: kept)."""
    return {_layer(name): (int(mask.sum()), mask.numel()) for name, mask in masks.items()}


def kept_fractions(kept: Amounts) -> dict[str, float]:
    """Group or layer -> fraction kept."""
    return {name: number / size for name, (number, size) in kept.items()}


def sparsity_patterns(masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Layer -> fraction of kernels that keep each position, fp64 [height, width], for 2-d convolutions."""
    return {_layer(name): mask.double().mean((0, 1)) for name, mask in masks.items() if mask.ndim == 4}


def guided_kernel_sparsity(masks: Mapping[str, Tensor], stages: Stages, kernel: int = 3) -> dict[str, Tensor]:
    """Stage -> how likely a kernel keeps each position: the average over kernels of that size, fp64 [kernel, kernel].

    Raises PruneError where no layer of such kernels belongs to a stage.
    """
    totals: dict[str, tuple[Tensor, int]] = {}
    for name, mask in masks.items():
        stage = _stage(_layer(name), stages)
        if stage is not None and mask.shape[2:] == (kernel, kernel):
            number, size = totals.get(stage, (torch.zeros(kernel, kernel, dtype=torch.float64), 0))
            totals[stage] = number + mask.double().sum((0, 1)).cpu(), size + mask.shape[0] * mask.shape[1]
    if not totals:
        raise PruneError(
            f"no masked {kernel}x{kernel} convolution belongs to a stage of {sorted(set(stages.values()))}"
        )
    return {stage: number / size for stage, (number, size) in totals.items()}


def sparse_design(network: nn.Module, probabilities: Mapping[str, Tensor], stages: Stages, seed: int = 0) -> MaskPlan:
    """Masks drawn at random: of each layer's kernels, each position is kept in that fraction which its stage has.

    `probabilities` (stage -> [height, width]) apply to the stage's convolutions with kernels of that shape; all other
    weights stay. The fractions are met to within half a kernel, where the paper leaves open whether they are or are
    drawn one by one. Raises PruneError for values outside 0..1 and for a stage without such a convolution.
    """
    for stage, fraction in probabilities.items():
        if not ((fraction >= 0) & (fraction <= 1)).all():
            raise PruneError(f"probabilities of '{stage}': expected how often each position is kept, from 0 to 1")
    masks = {}
    for name, module in network.named_modules():
        wanted = probabilities.get(_stage(name, stages) or "")
        if isinstance(module, nn.Conv2d) and wanted is not None and module.weight.shape[2:] == wanted.shape:
            masks[f"{name}.weight"] = _kernels(module.weight.shape, wanted, seed, name)
    used = {_stage(_layer(name), stages) for name in masks}
    for stage in probabilities:
        if stage not in used:
            raise PruneError(f"no convolution of '{stage}' has kernels of shape {list(probabilities[stage].shape)}")
    return MaskPlan(masks)


def _kernels(shape: torch.Size, fraction: Tensor, seed: int, layer: str) -> Tensor:
    """A mask of a weight's shape in which each position is kept in round(fraction * kernels) kernels."""
    kernels = shape[0] * shape[1]
    draws = torch.rand(kernels, fraction.numel(), generator=seeds.generator("design", seed, layer), dtype=torch.float64)
    ranks = draws.argsort(0).argsort(0)
    return (ranks < (fraction.cpu().flatten() * kernels).round()).reshape(shape)


def _drawn(space: Space, allocation: Allocation, target: Target, seed: int) -> Choice:
    chance = seeds.generator("design", seed)
    scores = {group.name: torch.rand(group.size, generator=chance, dtype=torch.float64) for group in space.groups}
    return reach(space, scores, allocation, target, space.size({group.name: group.size for group in space.groups}))


def _stage(name: str, stages: Stages) -> str | None:
    matched = [stage for pattern, stage in stages.items() if fnmatchcase(name, pattern)]
    return matched[-1] if matched else None


def _layer(parameter: str) -> str:
    return parameter.removesuffix(".weight")
