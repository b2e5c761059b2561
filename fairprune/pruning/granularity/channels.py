"""The channels of a network as prunable units: coupled through its operations, and sized analytically."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.utils._pytree import tree_leaves

from fairprune.errors import FairpruneError, NetworkError, PruneError, unknown
from fairprune.measure.cost import count
from fairprune.measure.shadow import rehearse
from fairprune.pruning.granularity.flow import Channels, Value
from fairprune.pruning.granularity.functions import of_function
from fairprune.pruning.granularity.modules import of_module
from fairprune.pruning.granularity.remove import remove_channels
from fairprune.pruning.granularity.spare import CLASSIFIER, spared
from fairprune.pruning.granularity.step import Step, mixes
from fairprune.pruning.granularity.terms import Terms, terms_of
from fairprune.pruning.granularity.trace import BATCH, traced
from fairprune.pruning.granularity.units import Units, units_of
from fairprune.pruning.plan import ChannelPlan
from fairprune.pruning.space import Counts, Group, Kept, Scores
from fairprune.record import Size


@dataclass(frozen=True)
class ChannelSpace:
    """The prunable channels of one network (implements fairprune.pruning.space.Space).

    producers      layer -> dimension of its weight that makes channels (1 for transposed convolutions), in order
    batch_norm_of  layer -> the batch norm directly behind it, where there is one
    held           see Space: operations that join channels
    """

    units: Units
    producers: Mapping[str, int]
    batch_norm_of: Mapping[str, str]
    terms: Terms
    held: tuple[str, ...] = ()
    granularity: Literal["channel"] = "channel"
    minimum: int = 1

    @property
    def groups(self) -> tuple[Group, ...]:
        """Coupled channels, in the order in which the network makes them."""
        return self.units.groups

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers whose scores are needed: those that make prunable channels."""
        needed = {layer for group in self.groups for layer in group.layers}
        return tuple(layer for layer in self.producers if layer in needed)

    def group_scores(self, scores: Scores, reduce: str) -> Mapping[str, Tensor]:
        """One fp64 score per unit of every group, shape [size]: reduced over the channels that make up the unit.

        `scores` of a weight's shape are summed over each filter; those of shape [out] are taken as they are.
        `reduce` is mean, sum, max, or first (the channel of the group's first layer).
        """
        if reduce not in _REDUCE:
            raise PruneError(unknown("reduction", reduce, _REDUCE))
        per_channel = {layer: self._per_channel(layer, scores) for layer in self.layers}
        result = {}
        for index, group in enumerate(self.groups):
            places = {layer: torch.from_numpy(self.units.positions(index, f"{layer}/out")) for layer in group.layers}
            columns = [per_channel[layer][place] for layer, place in places.items()]
            result[group.name] = _REDUCE[reduce](torch.cat(columns, dim=1))
        return result

    def size(self, counts: Counts) -> Size:
        """Parameters and multiply-adds of the network with `counts[group]` units kept (absent groups: all)."""
        strangers = counts.keys() - {group.name for group in self.groups}
        if strangers:
            raise PruneError(unknown("group of channels", min(strangers), (group.name for group in self.groups)))
        return self.terms.size([counts.get(group.name, group.size) for group in self.groups])

    def plan(self, kept: Kept) -> ChannelPlan:
        """The plan that keeps exactly these units (of absent groups: all)."""
        stays = np.ones(self.units.starts[-1] + 1, dtype=bool)  # the last entry is for positions that have to stay
        starts = {group.name: int(start) for group, start in zip(self.groups, self.units.starts, strict=False)}
        sizes = {group.name: group.size for group in self.groups}
        for name, indices in kept.items():
            if name not in sizes:
                raise PruneError(unknown("group of channels", name, sizes))
            units = indices.cpu().numpy()
            if not len(units) or units[0] < 0 or units[-1] >= sizes[name] or (np.diff(units) <= 0).any():
                raise PruneError(f"units kept of group '{name}' must be 1 to {sizes[name]} sorted, distinct indices")
            stays[starts[name] : starts[name] + sizes[name]] = False
            stays[starts[name] + units] = True
        sides = {side: stays[numbers] for side, numbers in self.units.sides.items()}
        return ChannelPlan({side: torch.from_numpy(np.flatnonzero(on)) for side, on in sides.items() if not on.all()})

    def _per_channel(self, layer: str, scores: Scores) -> Tensor:
        if layer not in scores:
            raise PruneError(f"no scores for layer '{layer}', whose channels are to be ranked")
        score, dim = scores[layer].detach().to("cpu", torch.float64), self.producers[layer]
        if score.ndim > 1:
            score = score.transpose(0, dim).flatten(1).sum(1)
        expected = len(self.units.sides[f"{layer}/out"])
        if score.shape != (expected,) or not score.isfinite().all():
            raise PruneError(f"scores of layer '{layer}' must be finite, of its weight's shape or [{expected}]")
        return score


_REDUCE = {
    "mean": lambda columns: columns.mean(1),
    "sum": lambda columns: columns.sum(1),
    "max": lambda columns: columns.amax(1),
    "first": lambda columns: columns[:, 0],
}


def channel_space(network: nn.Module, example: Tensor, spare: tuple[str, ...] = (CLASSIFIER,)) -> ChannelSpace:
    """The channels of `network` that can be removed, found by following them through its traced operations.

    `example` is an input [batch, ...]; its shape and type matter, its values do not. `spare` names layers whose
    channels all stay: patterns of names, and "classifier" for the last linear layer. The network's input and output
    stay in any case, as do channels that meet operations in which they are joined without weights. Raises
    NetworkError for a network that cannot be traced, or in which channels reach an unknown operation, and
    PruneError for a pattern that matches no layer.
    """
    graphs = traced(network, example)
    channels = Channels()
    for graph in graphs:
        _follow(graph, network, channels)
    for layer in spared(network, tuple(channels.producers), spare):
        channels.tie(channels.sides[f"{layer}/out"], np.zeros_like(channels.sides[f"{layer}/out"]))
    for module in channels.whole.union(_sharing(network)):
        channels.keep_whole(module)
    units = units_of(channels)
    terms = terms_of(network, units, channels.producers, count(network, example))
    space = ChannelSpace(units, channels.producers, channels.batch_norm_of, terms, tuple(channels.holders))
    _try_out(network, example, space, graphs[0])
    return space


def _follow(graph: fx.GraphModule, network: nn.Module, channels: Channels) -> None:
    values: dict[fx.Node, Value] = {}
    for node in graph.graph.nodes:
        step = Step(node, values, channels)
        values[node] = None
        if node.op == "call_module":
            values[node] = of_module(step, network.get_submodule(str(node.target)))
        elif node.op in ("call_function", "call_method"):
            values[node] = of_function(step)
        elif node.op == "get_attr":
            channels.whole.add(str(node.target).rpartition(".")[0])  # used past its module: not resized there
        elif node.op == "output":
            mixes(step)


def _sharing(network: nn.Module) -> list[str]:
    """Modules that share a parameter with another: shortening one would shorten the other."""
    owners: dict[int, list[str]] = {}
    for name, module in network.named_modules():
        for parameter in module._parameters.values():
            if parameter is not None:
                owners.setdefault(id(parameter), []).append(name)
    return [name for names in owners.values() if len(names) > 1 for name in names]


def _try_out(network: nn.Module, example: Tensor, space: ChannelSpace, graph: fx.GraphModule) -> None:
    """Run a network with half of its units, without numbers: it has to yield the shapes that the whole one does."""
    plan = space.plan({group.name: torch.arange(0, (group.size + 1) // 2) for group in space.groups})
    batch = example[:1].expand(BATCH, *example.shape[1:])
    expected = _shapes(next(node for node in graph.graph.nodes if node.op == "output").meta["value"])
    try:
        found = rehearse(network, batch, lambda copy, inputs: _shapes(remove_channels(copy, plan).eval()(inputs)))
    except FairpruneError:
        raise
    except Exception as error:
        raise NetworkError(f"{_WRITTEN_OUT.format(type(network).__name__)}: {str(error).splitlines()[0]}") from error
    if found != expected:
        raise NetworkError(f"{_WRITTEN_OUT.format(type(network).__name__)}: it yields {found}, expected {expected}")


_WRITTEN_OUT = "{} does not run with fewer channels (does its forward write a number of channels out?)"


def _shapes(value: object) -> list[tuple[int, ...]]:
    return [tuple(leaf.shape) for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]
