"""The analytic cost of a network: parameters, and multiply-adds for one sample, layer by layer.

Counted are the products of convolutions, linear layers and attention, whichever way they are called. A convolution
applies each of its weights once per output position, padding included; biases, batch norm, activations and pooling
are not counted. With masks, only kept weights count: kept weights x positions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fairprune.errors import FairpruneError, NetworkError, PruneError, unknown
from fairprune.measure.shadow import does_not_run, rehearse
from fairprune.networks.shaped import check_shaped
from fairprune.record import Size

Kind = Literal["convolution", "linear", "product", "other"]
Uses = Sequence[tuple[Tensor, int]]  # the factors of a product, and how often it multiplies each of their elements


@dataclass(frozen=True)
class LayerCost:
    """One module that owns parameters, or that multiplies activations with one another (kind "product").

    params     parameters of the module itself, kept ones only under masks
    macs       multiply-adds for one sample, of kept weights only under masks
    positions  output positions for one sample to which each weight is applied (input positions for a transposed
               convolution), all calls together; 0 where there is no weight or weights are not used equally often
    """

    name: str
    kind: Kind
    params: int
    macs: int
    positions: int


@dataclass(frozen=True)
class Cost:
    """The cost of a whole network: every parameter belongs to exactly one layer."""

    layers: tuple[LayerCost, ...]

    @property
    def params(self) -> int:
        """Parameters of the whole network, biases and batch norm included, buffers not."""
        return sum(layer.params for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-adds for one sample."""
        return sum(layer.macs for layer in self.layers)

    @property
    def size(self) -> Size:
        """Both totals."""
        return Size(params=self.params, macs=self.macs)


def count(network: nn.Module, example: Tensor, masks: Mapping[str, Tensor] | None = None) -> Cost:
    """The cost of `network` for one sample of `example` ([batch, ...]; only its shape and type matter), in evaluation.

    `masks` maps parameter names to boolean tensors of the parameter's shape (True: kept). Nothing is changed:
    a copy without numbers runs. Raises PruneError for a mask that fits no parameter, and NetworkError for a network
    that does not run on the example, or whose products cannot be counted for certain.
    """
    masks = masks or {}
    check_shaped(network)
    _check(network, masks)
    try:
        tallies = rehearse(network, example[:1], partial(_run, masks=masks))
    except FairpruneError:
        raise
    except Exception as error:
        raise does_not_run(network, example, error) from error
    return Cost(tuple(_layers(network, masks, tallies)))


@dataclass
class _Tally:
    """What the run added up under one name."""

    kind: Kind
    macs: int = 0
    uses: dict[str, int] = field(default_factory=dict)  # parameter -> uses of each element; -1: not equally often


def _check(network: nn.Module, masks: Mapping[str, Tensor]) -> None:
    shapes = {name: p.shape for name, p in network.named_parameters()}
    for name, mask in masks.items():
        if name not in shapes:
            raise PruneError(unknown("parameter of a mask", name, shapes))
        if mask.shape != shapes[name]:
            raise PruneError(f"mask of {name} has shape {list(mask.shape)}, expected {list(shapes[name])}")
        if mask.dtype != torch.bool:
            raise PruneError(f"mask of {name} holds {mask.dtype}, expected torch.bool")


def _layers(network: nn.Module, masks: Mapping[str, Tensor], tallies: Mapping[str, _Tally]) -> list[LayerCost]:
    params: dict[str, int] = {}
    for name, parameter in network.named_parameters():
        owner = name.rpartition(".")[0]
        params[owner] = params.get(owner, 0) + (int(masks[name].sum()) if name in masks else parameter.numel())
    layers = []
    for name in [*params, *(name for name in tallies if name not in params)]:
        tally = tallies.get(name, _Tally("other"))
        positions = max(*tally.uses.values(), 0) if len(tally.uses) == 1 else 0
        layers.append(LayerCost(name, tally.kind, params.get(name, 0), tally.macs, positions))
    return layers


def _run(network: nn.Module, example: Tensor, masks: Mapping[str, Tensor]) -> dict[str, _Tally]:
    path: list[str] = [""]
    for name, module in network.named_modules():
        module.register_forward_pre_hook(lambda _module, _args, name=name: path.append(name))
        module.register_forward_hook(lambda _module, _args, _out: path.pop() and None)
    counter = _Counter(network, masks, path)
    with counter:
        network.eval()(example)
    return counter.tallies


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up products as they are dispatched, and knows a weight by its storage, through every view of it."""

    def __init__(self, network: nn.Module, masks: Mapping[str, Tensor], path: Sequence[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.tallies: dict[str, _Tally] = {}
        self.path = path
        self.parameters = {_storage(p): (name, p) for name, p in network.named_parameters()}
        self.masks = {name: _laid_out(masks[name], p) for name, p in self.parameters.values() if name in masks}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # to skip it is to import it, which takes seconds

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in _PRODUCTS:
            self.add(_PRODUCTS[name](args, out), "convolution" if "conv" in name else "linear")
        elif name.startswith("_scaled_dot_product"):
            self.add_product(_attention(*args[:3]))
        elif _UNCOUNTED.search(name):
            raise NetworkError(f"layer '{self.path[-1]}' calls {name}, whose multiply-adds cannot be counted")
        elif not func.is_view and name not in _HARMLESS:
            self.refuse_masked(name, args)
        return out

    def add(self, uses: Uses, kind: Kind) -> None:
        known = [(factor, times) for factor, times in uses if _storage(factor) in self.parameters]
        if not known:
            factor, times = uses[0]
            self.add_product(factor.numel() * times)
            return
        factor, times = known[-1]
        name, parameter = self.parameters[_storage(factor)]
        if len(known) > 1 and any(self.parameters[_storage(f)][0] in self.masks for f, _ in known):
            raise NetworkError(f"{name} is multiplied by another weight: under masks its multiply-adds are unknown")
        tally = self.tallies.setdefault(name.rpartition(".")[0], _Tally(kind))
        tally.kind = kind
        tally.macs += times * (_kept(self.masks[name], factor) if name in self.masks else factor.numel())
        whole, rest = divmod(factor.numel(), parameter.numel())
        before = tally.uses.get(name, 0)
        tally.uses[name] = -1 if rest or before < 0 else before + whole * times

    def add_product(self, macs: int) -> None:
        self.tallies.setdefault(self.path[-1], _Tally("product")).macs += macs

    def refuse_masked(self, operation: str, args: Any) -> None:
        for value in tree_leaves(args):
            if isinstance(value, Tensor) and value.ndim > 1 and _storage(value) in self.parameters:
                name = self.parameters[_storage(value)][0]
                if name in self.masks:
                    raise NetworkError(f"masked {name} goes through {operation} before it is multiplied: not countable")


_UNCOUNTED = re.compile(r"(^|_)[a-z]*mm_?($|_)|conv|attention|lstm|gru|rnn|trilinear|transformer")
_HARMLESS = {"embedding", "detach", "alias"}  # a look-up multiplies nothing


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)  # the storage itself, not its address: that is 0 on the meta device


def _laid_out(mask: Tensor, parameter: Tensor) -> Tensor:
    """The mask in a flat storage laid out like the parameter's, so that views of it can be repeated."""
    numel = parameter.untyped_storage().nbytes() // parameter.element_size()
    flat = torch.zeros(numel, dtype=torch.bool, device="cpu")
    flat.as_strided(parameter.size(), parameter.stride(), parameter.storage_offset()).copy_(mask)
    return flat


def _kept(mask: Tensor, view: Tensor) -> int:
    """Kept elements in a view of a parameter (the whole, a slice, an expansion ...)."""
    return int(mask.as_strided(view.size(), view.stride(), view.storage_offset()).sum())


def _convolution(args: Sequence[Any], out: Tensor) -> Uses:
    inputs, weight, transposed = args[0], args[1], args[6]
    over = inputs if transposed else out  # a transposed convolution applies its weights once per input position
    return [(weight, over.shape[0] * over.shape[2:].numel())]


def _matrices(args: Sequence[Any], _out: Tensor, first: int = 0) -> Uses:
    left, right = args[first], args[first + 1]  # [..., m, k] x [..., k, n], or a vector [k] on the right
    return [(left, right.shape[-1] if right.ndim > 1 else 1), (right, left.shape[-2] if left.ndim > 1 else 1)]


def _attention(query: Tensor, key: Tensor, value: Tensor) -> int:
    """Both products, with every pair of positions: [..., L, E] x [..., S, E] and [..., L, S] x [..., S, F]."""
    return query.shape[:-1].numel() * key.shape[-2] * (query.shape[-1] + value.shape[-1])


_added = partial(_matrices, first=1)  # the first argument is what is added to the product
_PRODUCTS: dict[str, Callable[[Sequence[Any], Any], Uses]] = {
    "convolution": _convolution,
    "_convolution": _convolution,
    **dict.fromkeys(("mm", "bmm", "mv", "dot", "vdot"), _matrices),
    **dict.fromkeys(("addmm", "baddbmm", "addbmm", "addmv"), _added),
}
