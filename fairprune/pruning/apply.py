"""From a network to what can be pruned of it, and from a plan to the pruned network."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fairprune.errors import PruneError
from fairprune.measure.cost import count
from fairprune.pruning.granularity.blocks import block_space
from fairprune.pruning.granularity.channels import channel_space
from fairprune.pruning.granularity.remove import compose, remove_channels
from fairprune.pruning.granularity.residual import remove_blocks
from fairprune.pruning.granularity.weights import weight_space
from fairprune.pruning.masks import apply_masks_, intersect
from fairprune.pruning.plan import BlockPlan, ChannelPlan, DensePlan, MaskPlan, Plan
from fairprune.pruning.space import Space


def space_of(network: nn.Module, plan: Plan, example: Tensor, granularity: str, spare: tuple[str, ...]) -> Space:
    """What can be pruned of a network that `plan` has already pruned. Raises PruneError for a mix of granularities."""
    if granularity == "channel":
        if isinstance(plan, MaskPlan):
            raise PruneError("channels of a network with weight masks cannot be removed: prune channels first")
        return channel_space(network, example, spare)
    if granularity == "block":
        if isinstance(plan, (ChannelPlan, MaskPlan)):
            raise PruneError(
                "blocks of a network that has lost channels or weights cannot be removed: prune blocks first"
            )
        return block_space(network, example, spare, plan.removed if isinstance(plan, BlockPlan) else None)
    masks = plan.masks if isinstance(plan, MaskPlan) else None
    return weight_space(network, count(network, example).layers, spare, masks)


def pruned(network: nn.Module, plan: Plan) -> nn.Module:
    """A copy of the network with the plan applied: channels or blocks removed, or weights masked to zero."""
    if isinstance(plan, (ChannelPlan, BlockPlan)):
        return planned(network, plan)
    result = copy.deepcopy(network)
    if isinstance(plan, MaskPlan):
        apply_masks_(result, plan)
    return result


def planned(network: nn.Module, plan: Plan) -> nn.Module:
    """The network in the shape that a plan leaves: a smaller copy for channels and blocks, else the network itself."""
    if isinstance(plan, ChannelPlan):
        return remove_channels(network, plan)
    return remove_blocks(network, plan.removed) if isinstance(plan, BlockPlan) else network


def combined(first: Plan, second: Plan) -> Plan:
    """One plan relative to the dense network for two that follow each other."""
    if isinstance(first, DensePlan):
        return second
    if isinstance(first, ChannelPlan) and isinstance(second, ChannelPlan):
        return compose(first, second)
    if isinstance(first, MaskPlan) and isinstance(second, MaskPlan):
        return intersect(first, second)
    if isinstance(first, BlockPlan) and isinstance(second, BlockPlan):
        return BlockPlan({**first.removed, **second.removed})
    raise PruneError("plans of two granularities cannot be combined: use one granularity for all rounds")


def load_weights_(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Put the new weights of layers, where a criterion has updated them, into the network."""
    with torch.no_grad():
        for layer, weight in weights.items():
            network.get_submodule(layer).weight.copy_(weight)  # type: ignore[operator]
