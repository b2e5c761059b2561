"""Whole residual blocks as units: removed physically, their shortcuts stay.

Huang and Wang 2018 (arXiv:1707.01213) select among all blocks, those included whose shortcut is a projection (it stays
when the residual branch goes); so does this space.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from fairprune.errors import NetworkError, PruneError, unknown
from fairprune.measure.cost import LayerCost, count
from fairprune.measure.shadow import rehearse
from fairprune.pruning.granularity.residual import Residual, remove_blocks, residuals
from fairprune.pruning.granularity.spare import CLASSIFIER, spared
from fairprune.pruning.granularity.weights import PRUNABLE
from fairprune.pruning.plan import BlockPlan
from fairprune.pruning.space import Counts, Group, Kept, Scores
from fairprune.record import Size


@dataclass(frozen=True)
class BlockSpace:
    """The removable residual blocks of one network (implements fairprune.pruning.space.Space).

    A group holds the blocks of one stage (modules of one parent) that cost the same, and is named after the first of
    them. Blocks that change the shape cost something else than the others of their stage, and form their own group;
    so under `uniform`, whose rule rounds up, any ratio removes a block that is alone: spare it, or rank globally.

    Sizes are the dense network's; blocks that have been removed are gone: they score -inf and are never kept again.

    blocks   group -> names of its blocks, in the network's order
    ranking  block -> the layers whose scores rank it; empty for a block that is gone
    saved    group -> what removing one of its blocks saves
    rest     what the network costs without all these blocks
    """

    groups: tuple[Group, ...]
    blocks: Mapping[str, tuple[str, ...]]
    ranking: Mapping[str, tuple[str, ...]]
    saved: Mapping[str, Size]
    rest: Size
    granularity: Literal["block"] = "block"
    minimum: Literal[0] = 0
    held: tuple[str, ...] = ()

    @property
    def layers(self) -> tuple[str, ...]:
        """The convolutions and linear layers of the residual branches."""
        return tuple(layer for group in self.groups for layer in group.layers)

    @property
    def batch_norm_of(self) -> Mapping[str, str]:
        """Empty: the scale of a batch norm belongs to a channel, not to a block."""
        return {}

    def group_scores(self, scores: Scores, reduce: str = "mean") -> Mapping[str, Tensor]:
        """One fp64 score per block of every group, shape [size]; -inf for blocks that are gone.

        `scores` are either those of layers (of the weight's shape or [out]): a block's is the mean over each layer of
        its branch, so that wide layers count no more than narrow ones, reduced over the layers by mean, sum, max, or
        first. Or they are those of the blocks themselves: group name -> [size].
        """
        if reduce not in _REDUCE:
            raise PruneError(unknown("reduction", reduce, _REDUCE))
        direct = any(group.name in scores for group in self.groups)
        result = {}
        for group in self.groups:
            names = self.blocks[group.name]
            gone = torch.tensor([not self.ranking[name] for name in names])
            if direct:
                found = _of_group(group, scores)
            else:
                found = torch.stack([_REDUCE[reduce](_of_layers(self.ranking[name], scores)) for name in names])
            if not found[~gone].isfinite().all():
                raise PruneError(f"scores of blocks '{group.name}' must be finite")
            result[group.name] = found.masked_fill(gone, -math.inf)
        return result

    def size(self, counts: Counts) -> Size:
        """Parameters and multiply-adds of the network with `counts[group]` blocks kept (absent groups: all left)."""
        params, macs = self.rest.params, self.rest.macs
        for name in counts:
            if name not in self.blocks:
                raise PruneError(unknown("group of blocks", name, self.blocks))
        for name, blocks in self.blocks.items():
            kept = counts.get(name, sum(bool(self.ranking[block]) for block in blocks))
            params += kept * self.saved[name].params
            macs += kept * self.saved[name].macs
        return Size(params=params, macs=macs)

    def plan(self, kept: Kept) -> BlockPlan:
        """The plan that removes all other blocks that are still there (of absent groups: none)."""
        removed: dict[str, Size] = {}
        for name, indices in kept.items():
            if name not in self.blocks:
                raise PruneError(unknown("group of blocks", name, self.blocks))
            blocks, stays = self.blocks[name], indices.tolist()
            left = [place for place, block in enumerate(blocks) if self.ranking[block]]
            if stays != sorted(set(stays)) or not set(stays) <= set(left):
                raise PruneError(f"blocks kept of group '{name}' must be sorted, distinct indices out of {left}")
            removed |= {blocks[place]: self.saved[name] for place in left if place not in stays}
        return BlockPlan(removed)


_REDUCE: Mapping[str, Callable[[Tensor], Tensor]] = {
    "mean": Tensor.mean,
    "sum": Tensor.sum,
    "max": Tensor.amax,
    "first": lambda layers: layers[0],
}


def block_space(
    network: nn.Module,
    example: Tensor,
    spare: Sequence[str] = (CLASSIFIER,),
    removed: Mapping[str, Size] | None = None,
) -> BlockSpace:
    """The residual blocks of `network` that can be removed.

    `example` is an input [batch, ...]; its shape and type matter, its values do not. `spare` holds patterns over names
    of blocks and layers, or "classifier"; a block that holds a spared layer stays. `removed` says which blocks an
    earlier round has removed, and what each saved. Raises PruneError for a network without residual blocks and for a
    pattern that matches nothing, NetworkError for blocks that cannot be removed one by one.
    """
    removed = removed or {}
    found = residuals(network)
    if not found and not removed:
        raise PruneError(
            f"{type(network).__name__} has no residual blocks to remove (modules that add what their layers yield to "
            "their input): prune channels or weights instead"
        )
    layers = [name for name, module in network.named_modules() if isinstance(module, PRUNABLE)]
    stays = spared(network, [*layers, *found], spare)
    found = {name: block for name, block in found.items() if not any(f"{s}.".startswith(f"{name}.") for s in stays)}
    cost = count(network, example)
    saved = {**removed, **{name: _saved(network, name, block, cost.layers) for name, block in found.items()}}
    order = [name for name, _ in network.named_modules() if name in saved]
    space = _space(order, {name: block.layers for name, block in found.items()}, saved, cost.size)
    _try_out(network, example, space, list(found))
    return space


def _saved(network: nn.Module, name: str, block: Residual, costs: Sequence[LayerCost]) -> Size:
    """What removing one block saves: its parameters and multiply-adds, less those of what is left."""
    stays = {f"{name}.{part}" for part, _ in block.left.named_modules() if part}
    inside = [cost for cost in costs if f"{cost.name}.".startswith(f"{name}.") and cost.name not in stays]
    whole, left = (sum(p.numel() for p in m.parameters()) for m in (network.get_submodule(name), block.left))
    return Size(params=whole - left, macs=sum(cost.macs for cost in inside))


def _space(
    order: Sequence[str], layers: Mapping[str, tuple[str, ...]], saved: Mapping[str, Size], whole: Size
) -> BlockSpace:
    """Blocks by stage and cost; `layers` are those of the blocks that are left, `whole` what the network costs."""
    alike: dict[tuple[str, int, int], list[str]] = {}
    for name in order:
        alike.setdefault((name.rpartition(".")[0], saved[name].params, saved[name].macs), []).append(name)
    ranking = {name: layers.get(name, ()) for name in order}
    return BlockSpace(
        groups=tuple(
            Group(names[0], len(names), tuple(layer for name in names for layer in ranking[name]))
            for names in alike.values()
        ),
        blocks={names[0]: tuple(names) for names in alike.values()},
        ranking=ranking,
        saved={names[0]: saved[names[0]] for names in alike.values()},
        rest=Size(
            params=whole.params - sum(saved[name].params for name in layers),
            macs=whole.macs - sum(saved[name].macs for name in layers),
        ),
    )


def _of_group(group: Group, scores: Scores) -> Tensor:
    if group.name not in scores or scores[group.name].shape != (group.size,):
        found = list(scores[group.name].shape) if group.name in scores else "none"
        raise PruneError(f"scores of blocks '{group.name}': expected one per block, [{group.size}], got {found}")
    return scores[group.name].detach().to("cpu", torch.float64)


def _of_layers(layers: Sequence[str], scores: Scores) -> Tensor:
    """Mean score of each layer of a block, [layers]; [1] for a block that is gone."""
    for layer in layers:
        if layer not in scores:
            raise PruneError(f"no scores for layer '{layer}', whose block is to be ranked")
    means = [scores[layer].detach().to("cpu", torch.float64).mean() for layer in layers]
    return torch.stack(means) if means else torch.zeros(1, dtype=torch.float64)


def _try_out(network: nn.Module, example: Tensor, space: BlockSpace, blocks: Sequence[str]) -> None:
    """Run the network without all its blocks: every shape has to be what it was, and the cost what it should be."""
    small = remove_blocks(network, blocks)
    before, after = (_shapes(whole, example, blocks) for whole in (network, small))
    for name in blocks:
        if before.get(name) != after.get(name):
            found, expected = after.get(name), before.get(name)
            raise NetworkError(f"block '{name}' yields {found} without its residual branch, not {expected}: spare it")
    size = count(small, example).size
    if size != space.rest:
        raise NetworkError(
            f"blocks of {type(network).__name__} cannot be removed one by one: without them it costs {size}, expected "
            f"{space.rest} (do they share parameters?); prune channels or weights instead"
        )


def _shapes(network: nn.Module, example: Tensor, blocks: Collection[str]) -> dict[str, list[int]]:
    """Shapes that blocks yield, those of their last call."""
    shapes: dict[str, list[int]] = {}

    def run(copied: nn.Module, inputs: Tensor) -> None:
        for name in blocks:
            copied.get_submodule(name).register_forward_hook(
                lambda _module, _args, out, name=name: shapes.update({name: list(getattr(out, "shape", []))})
            )
        copied.eval()(inputs)

    rehearse(network, example[:1], run)
    return shapes
