"""Residual blocks: found by their additions, and replaced by their shortcuts."""

from __future__ import annotations

import copy
import operator
from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import fx, nn
from torch.nn.utils.parametrize import is_parametrized

from fairprune.errors import PruneError, unknown
from fairprune.pruning.granularity.remove import forget
from fairprune.pruning.granularity.weights import PRUNABLE

ADDITIONS = (operator.add, operator.iadd, torch.add, "add", "add_")


@dataclass(frozen=True)
class Residual:
    """A block and what is left of it when its residual branches go.

    left       what stands in for the block: its shortcuts, and what follows the additions
    layers     the convolutions and linear layers that go, named as in the network
    additions  how many branches go; several for a block like a transformer's
    branch     the module of the block that yields what is added, where there is one addition and it is a module
    """

    left: nn.Module
    layers: tuple[str, ...]
    additions: int
    branch: str | None


def residuals(network: nn.Module) -> dict[str, Residual]:
    """The residual blocks of a network, in its order: name of the module -> block.

    A block is a module whose own forward adds two values that both depend on its input, where one has passed more
    convolutions and linear layers than the other; the first is the residual branch, the other, which has passed one
    at most, the shortcut. A module that contains such blocks is none itself, nor is the network as a whole.
    """
    found: dict[str, Residual] = {}
    for name, module in network.named_modules():
        if name and module._modules and not is_parametrized(module) and (block := residual(module, name)):
            found[name] = block
    return {name: block for name, block in found.items() if not any(other.startswith(f"{name}.") for other in found)}


def residual(module: nn.Module, name: str) -> Residual | None:
    """The module as a residual block; None if it is none, or none whose branches can go without a trace."""
    graphs = [_cut(module, training) for training in (False, True)]
    if not graphs[0] or not graphs[1] or str(graphs[0][0]) != str(graphs[1][0]):
        return None  # not traceable, no branch, or what is left differs between evaluation and training
    graph, branches = graphs[0]
    left = fx.GraphModule(module, graph, class_name="Shortcut")
    stays = {id(part) for part in left.modules()}
    layers = [part for part, layer in module.named_modules() if isinstance(layer, PRUNABLE) and id(layer) not in stays]
    sole = branches[0] if len(branches) == 1 else None
    return Residual(
        left,
        tuple(f"{name}.{layer}" for layer in layers),
        len(branches),
        f"{name}.{sole.target}" if sole is not None and sole.op == "call_module" else None,
    )


def remove_blocks(network: nn.Module, removed: Collection[str]) -> nn.Module:
    """A copy of the network in which the named blocks are replaced by their shortcuts; the network stays as it is.

    The copy computes what the network computes when these residual branches yield zero; a block of which nothing is
    left hands on its input itself. Precision, device, training flags, requires_grad and the names of all other
    parameters are kept; gradients and hooks are not. Raises PruneError for a name that is no residual block.
    """
    pruned = copy.deepcopy(network)
    for module in pruned.modules():
        forget(module)
    for name in removed:
        parent, _, child = name.rpartition(".")
        try:
            block = residual(pruned.get_submodule(name), name)
        except AttributeError:
            block = None
        if block is None:
            raise PruneError(unknown("residual block of a plan", name, residuals(network)))
        pruned.get_submodule(parent)._modules[child] = block.left
    return pruned


class _Tracer(fx.Tracer):
    """Stays in the forward of one module."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:  # noqa: ARG002 (fx's signature)
        return True


def _cut(module: nn.Module, training: bool) -> tuple[fx.Graph, list[fx.Node]] | None:
    """The module's graph without its residual branches, and what they yielded; None if there are none to cut."""
    module = copy.copy(module)  # the same children, with a flag of its own
    module.training = training
    try:
        graph = _Tracer().trace(module)
    except Exception:  # forward decides by values, takes no tensors, or has not been written: no block
        return None
    branches: list[fx.Node] = []
    for node in list(graph.nodes):
        if node.op in ("call_function", "call_method") and node.target in ADDITIONS and (ends := _ends(node, module)):
            shortcut, branch = ends
            if any(_in_place(user, module) for user in node.users):
                with graph.inserting_before(node):  # the sum was theirs to overwrite, the shortcut is not
                    shortcut = graph.call_method("clone", (shortcut,))
            node.replace_all_uses_with(shortcut)
            graph.erase_node(node)
            branches.append(branch)
    written = {node: node.args[0] for node in graph.nodes if node.args and _in_place(node, module)}
    graph.eliminate_dead_code(lambda node: node.op in ("placeholder", "output"))
    stays = set(graph.nodes)
    missed = any(node not in stays and target in stays for node, target in written.items())
    return (graph, branches) if branches and not missed else None


def _ends(addition: fx.Node, module: nn.Module) -> tuple[fx.Node, fx.Node] | None:
    """Shortcut and residual branch of an addition, if it is one of these two."""
    ends = [argument for argument in addition.args if isinstance(argument, fx.Node)]
    if len(ends) != 2 or len(addition.args) != 2 or addition.kwargs:
        return None
    ways = [_upstream(end) for end in ends]
    if not all(any(node.op == "placeholder" for node in way) for way in ways):
        return None
    fewer, more = sorted((0, 1), key=lambda side: _layers(ways[side], ways[1 - side], module))
    least, most = (_layers(ways[side], ways[1 - side], module) for side in (fewer, more))
    return (ends[fewer], ends[more]) if least < most and least <= 1 else None


def _upstream(node: fx.Node) -> set[fx.Node]:
    """The node and all that it depends on."""
    seen, todo = set(), [node]
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo += node.all_input_nodes
    return seen


def _layers(way: Collection[fx.Node], other: Collection[fx.Node], module: nn.Module) -> int:
    """Convolutions and linear layers on one way to an addition that are not on the other."""
    called = [str(node.target) for node in way if node.op == "call_module" and node not in other]
    return sum(isinstance(part, PRUNABLE) for name in called for part in module.get_submodule(name).modules())


def _in_place(node: fx.Node, module: nn.Module) -> bool:
    """Whether the operation writes into its first input, which would be missed if that input stays."""
    if node.op == "call_module":
        return bool(getattr(module.get_submodule(str(node.target)), "inplace", False))
    if node.op == "call_method":
        return str(node.target).endswith("_")
    name = getattr(node.target, "__name__", "")
    return bool(node.kwargs.get("inplace", False)) or name.endswith("_") or node.target in _WRITING


_WRITING = (operator.iadd, operator.imul, operator.isub, operator.itruediv, operator.setitem)
