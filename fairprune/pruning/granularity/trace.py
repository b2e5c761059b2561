"""The graph of a network's operations, each with the shape of what it yields."""

from __future__ import annotations

import linecache
import traceback
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx, nn

from fairprune.errors import NetworkError
from fairprune.measure.shadow import check_runs, rehearse
from fairprune.networks.channel_pad import ChannelPad
from fairprune.networks.shaped import check_shaped

BATCH = 5  # samples in the traced example: more than one, so that the batch can be told from other dimensions


class Tracer(fx.Tracer):
    """Goes into every module but those of torch.nn and padding shortcuts."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether calls of the module are single operations."""
        return isinstance(m, ChannelPad) or super().is_leaf_module(m, module_qualified_name)


class _Values(fx.Interpreter):
    """Runs the graph and leaves each node's value in `node.meta["value"]`."""

    def run_node(self, n: fx.Node) -> Any:
        n.meta["value"] = value = super().run_node(n)
        return value


def traced(network: nn.Module, example: Tensor) -> tuple[fx.GraphModule, ...]:
    """The network's graph in evaluation, and its graph in training where that one runs other operations.

    Every node carries the value it yields for a batch of BATCH samples. Raises NetworkError, naming the place, for a
    network that cannot be traced or does not run on the example, or whose modules carry hooks.
    """
    check_shaped(network)
    for name, module in network.named_modules():
        if module._forward_hooks or module._forward_pre_hooks:
            raise NetworkError(f"module '{name}' has a forward hook, whose effect on channels is unknown: remove it")
    batch = example[:1].expand(BATCH, *example.shape[1:])
    try:
        graphs = [rehearse(network, batch, partial(_trace, training=mode)) for mode in (False, True)]
    except Exception as error:
        check_runs(network, example[:1])
        raise NetworkError(_untraceable(network, error)) from error
    same = _operations(graphs[0]) == _operations(graphs[1])
    return tuple(graphs[:1] if same else graphs)


def _trace(network: nn.Module, example: Tensor, training: bool) -> fx.GraphModule:
    network.train(training)
    graph = Tracer().trace(network)
    module = fx.GraphModule(network, graph)
    _Values(module).run(example)
    return module


def _operations(module: fx.GraphModule) -> list[tuple[str, Any, str, str]]:
    return [(node.op, node.target, str(node.args), str(node.kwargs)) for node in module.graph.nodes]


def _untraceable(network: nn.Module, error: Exception) -> str:
    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    inside = (str(Path(torch.__file__).parent), __file__, rehearse.__code__.co_filename, "<eval_with_key>")
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(inside)]
    place = ""
    if frames:
        line = linecache.getline(frames[-1].filename, frames[-1].lineno or 0).strip()
        place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno} `{line}`"
    remedy = "make the operations independent of tensors' values, or prune weights instead of channels"
    return f"{type(network).__name__} cannot be traced for channel pruning{place}: {reason}; {remedy}"
