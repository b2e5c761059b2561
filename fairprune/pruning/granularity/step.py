"""One operation of a traced graph, and the rules that most operations follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, fx

from fairprune.pruning.granularity.flow import FIXED, Channels, Extent, Flow, Ids, Value


@dataclass(frozen=True)
class Step:
    """An operation, what flows into it, and what is known so far."""

    node: fx.Node
    values: Mapping[fx.Node, Value]
    channels: Channels

    @property
    def inputs(self) -> list[fx.Node]:
        """The nodes that the operation reads, in order, each once."""
        return self.node.all_input_nodes

    def sole_flow(self) -> Flow | None:
        """The channels of the first input. Whatever else flows in has to stay."""
        for node in self.inputs[1:]:
            self.channels.lock(self.values[node])
        value = self.values[self.inputs[0]]
        if isinstance(value, Flow):
            return value
        self.channels.lock(value)
        return None

    @property
    def out(self) -> Any:
        """The value that the operation yields for the example."""
        return self.node.meta["value"]

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        """An argument by position or name."""
        return self.node.args[position] if len(self.node.args) > position else self.node.kwargs.get(name, default)

    def ids(self, axis: int) -> Ids:
        """Ids of the first argument along `axis`: of channels if that is where they are, else all FIXED."""
        flow, shape = self.sole_flow(), self.inputs[0].meta["value"].shape
        if flow is not None and flow.axis == axis:
            return flow.ids
        self.channels.lock(flow)
        return np.full(shape[axis], FIXED, dtype=np.int64)


def mixes(step: Step) -> Value:
    """The operation joins channels (or is not looked into): all that flows into it has to stay."""
    for node in step.inputs:
        value = step.values[node]
        step.channels.lock(value)
        if value is not None and value.ids.any() and step.node.op != "output":
            step.channels.holders[operation(step.node)] = None
    return None


def operation(node: fx.Node) -> str:
    """The operation of a node, in words: a module and its kind, or its name in the graph and what it calls."""
    if node.op == "call_module":
        return f"module '{node.target}' ({type(node.graph.owning_module.get_submodule(str(node.target))).__name__})"  # type: ignore[union-attr]
    target = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
    return f"operation '{node.name}' ({node.op.removeprefix('call_')} {target})"


def keeps(step: Step, flow: Flow, axis: int) -> Value:
    """The channels come out unchanged along `axis`; if the example says otherwise, they have to stay."""
    if isinstance(step.out, Tensor) and axis < step.out.ndim and step.out.shape[axis] == len(flow.ids):
        return Flow(axis, flow.ids)
    return mixes(step)


def elementwise(step: Step) -> Value:
    """Each output position depends on the same position of the operands, which may be broadcast."""
    flows = [value for node in step.inputs if isinstance(value := step.values[node], Flow)]
    tails = {_tail(node, step.values[node]) for node in step.inputs if isinstance(step.values[node], Flow)}
    if not flows:
        return mixes(step)
    out, tail = step.out, max(tails)
    longest = max(flows, key=lambda flow: len(flow.ids))
    if len(tails) > 1 or not isinstance(out, Tensor) or out.ndim < tail or out.shape[-tail] != len(longest.ids):
        return mixes(step)
    for node in step.inputs:
        value, operand = step.values[node], node.meta["value"]
        if isinstance(value, Extent) or (isinstance(value, Flow) and len(value.ids) != len(longest.ids)):
            step.channels.lock(value)  # a number of channels as a factor, or one channel broadcast over the others
        elif isinstance(value, Flow):
            step.channels.tie(longest.ids, value.ids)
        elif isinstance(operand, Tensor) and operand.ndim >= tail and operand.shape[-tail] > 1:
            step.channels.lock(longest)  # a constant with one entry per channel, which nothing would shorten
    return Flow(out.ndim - tail, longest.ids)


def _tail(node: fx.Node, value: Value) -> int:
    """Position of the channel dimension, counted from the last one: broadcasting aligns dimensions there."""
    return int(node.meta["value"].ndim) - value.axis if isinstance(value, Flow) and value.axis is not None else 0


def over_positions(step: Step, dimensions: int) -> Value:
    """Works on the last `dimensions` dimensions (pooling, padding, resizing), on each channel by itself."""
    flow = step.sole_flow()
    if flow is None:
        return None
    ndim = step.inputs[0].meta["value"].ndim
    return keeps(step, flow, flow.axis) if flow.axis < ndim - dimensions else mixes(step)


def reshapes(step: Step, sizes: tuple[Any, ...] | None = None) -> Value:
    """Reads the same elements in the same order under other sizes: a channel becomes a run of positions.

    `sizes` are those the code asks for (None: it asks for none). They have to follow the number of channels there,
    and there only; else the channels have to stay.
    """
    flow = step.values[step.inputs[0]]
    if not isinstance(flow, Flow) or not isinstance(step.out, Tensor) or len(flow.ids) == 1:
        return mixes(step)
    before = step.inputs[0].meta["value"].shape[: flow.axis].numel()
    for axis, size in enumerate(step.out.shape):
        if step.out.shape[:axis].numel() == before and size % len(flow.ids) == 0:
            if sizes is not None and not follows(step, flow, sizes, axis):
                break
            return Flow(axis, np.repeat(flow.ids, size // len(flow.ids)))
    return mixes(step)


def follows(step: Step, flow: Flow, sizes: tuple[Any, ...], axis: int) -> bool:
    """Whether the sizes asked for follow the number of channels in dimension `axis`, and nowhere else.

    A size taken from another tensor does if that tensor's channels are as many: from here on they go together.
    """
    extents = [step.values[size] if isinstance(size, fx.Node) else None for size in sizes]
    if len(sizes) == 1 and step.out.ndim > 1:  # one tuple of sizes, taken from a tensor
        extent, elsewhere = extents[0], []
        adapts = isinstance(extent, Extent) and extent.axis == axis
    else:
        extent, elsewhere = extents[axis], [found for place, found in enumerate(extents) if place != axis]
        adapts = extent is not None or sizes[axis] == -1
    if extent is not None and adapts and len(extent.ids) == len(flow.ids):
        step.channels.tie(flow.ids, extent.ids)
    elif extent is not None:
        return False
    return adapts and not any(elsewhere)
