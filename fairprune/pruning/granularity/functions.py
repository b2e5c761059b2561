"""What functions and methods of torch do with channels."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, fx

from fairprune.pruning.granularity.flow import Extent, Flow, Value
from fairprune.pruning.granularity.step import (
    Step,
    elementwise,
    follows,
    keeps,
    mixes,
    operation,
    over_positions,
    reshapes,
)

Rule = Callable[[Step], Value]


def of_function(step: Step) -> Value:
    """What a function or method makes of its channels. One without a rule is a doubt: see Channels.doubts."""
    values = [value for node in step.inputs if (value := step.values[node]) is not None]
    if not values:
        return None
    table: Mapping[Any, Rule] = METHODS if step.node.op == "call_method" else FUNCTIONS
    rule = table.get(step.node.target)
    if not any(isinstance(value, Flow) for value in values) and rule is not _item:
        ids = np.concatenate([value.ids for value in values])
        if not isinstance(step.out, Tensor):
            return Extent(None, ids)  # arithmetic with numbers of channels
        return mixes(step)
    if rule:
        return rule(step)
    step.channels.doubts.append((operation(step.node), np.concatenate([value.ids for value in values])))
    return None


def _reduces(step: Step) -> Value:
    """Joins the elements of some dimensions (mean, sum, amax ...)."""
    flow = step.sole_flow()
    dims = step.argument(1, "dim")
    if flow is None or not isinstance(step.out, Tensor) or dims is None:
        return mixes(step)
    ndim = step.inputs[0].meta["value"].ndim
    gone = {dim % ndim for dim in (dims if isinstance(dims, (tuple, list)) else [dims])}
    if flow.axis in gone:
        return mixes(step)
    before = sum(dim < flow.axis for dim in gone) if step.out.ndim < ndim else 0
    return keeps(step, flow, flow.axis - before)


def _joins(step: Step) -> Value:
    """Concatenation: along the channels one after another, along another dimension position by position."""
    parts, dim = step.argument(0, "tensors"), step.argument(1, "dim", 0)
    nodes = parts if isinstance(parts, (tuple, list)) else []
    flows = [value for node in nodes if isinstance(value := step.values[node], Flow)]
    if not flows or len({flow.axis for flow in flows}) > 1 or not isinstance(dim, int):
        return mixes(step)
    axis = flows[0].axis
    ids = []
    for node in nodes:
        value = step.values[node]
        ids.append(value.ids if isinstance(value, Flow) else np.zeros(node.meta["value"].shape[axis], dtype=np.int64))
    if dim % step.out.ndim == axis:
        return keeps(step, Flow(axis, np.concatenate(ids)), axis)
    for other in ids[1:]:
        step.channels.tie(ids[0], other)
    return Flow(axis, ids[0])


def _views(step: Step) -> Value:
    """view, reshape: under the sizes that the code asks for."""
    sizes = step.node.args[1:] or (step.node.kwargs.get("size", step.node.kwargs.get("shape")),)
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    return reshapes(step, sizes) if all(isinstance(size, (int, fx.Node)) for size in sizes) else mixes(step)


def _expands(step: Step) -> Value:
    """Repeats dimensions of size 1; the channels stay where they are, counted from the last dimension."""
    flow = step.values[step.inputs[0]]
    sizes: Any = step.node.args[1:]
    sizes = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
    if not isinstance(flow, Flow) or not sizes:
        return mixes(step)
    axis = step.out.ndim - (step.inputs[0].meta["value"].ndim - flow.axis)
    return keeps(step, flow, axis) if follows(step, flow, sizes, axis) else mixes(step)


def _squeezes(step: Step) -> Value:
    """Drops dimensions of size 1; without naming one, a single kept channel would vanish as well."""
    return reshapes(step) if step.argument(1, "dim") is not None else mixes(step)


def _permutes(step: Step) -> Value:
    dims: Any = step.node.args[1:] or (step.node.kwargs.get("dims"),)
    dims = tuple(dims[0]) if len(dims) == 1 and isinstance(dims[0], (tuple, list)) else dims
    flow = step.sole_flow()
    if flow is None or not all(isinstance(dim, int) for dim in dims):
        return mixes(step)
    return keeps(step, flow, [dim % step.out.ndim for dim in dims].index(flow.axis))


def _transposes(step: Step) -> Value:
    first, second = step.argument(1, "dim0"), step.argument(2, "dim1")
    flow = step.sole_flow()
    if flow is None or not (isinstance(first, int) and isinstance(second, int)):
        return mixes(step)
    first, second = first % step.out.ndim, second % step.out.ndim
    return keeps(step, flow, {first: second, second: first}.get(flow.axis, flow.axis))


def _pads(step: Step) -> Value:
    """F.pad: pairs of widths from the last dimension on; padding the channels themselves fixes their number."""
    return over_positions(step, len(step.argument(1, "pad")) // 2)


def _item(step: Step) -> Value:
    """Indexing of a tensor with whole channels, or of sizes."""
    value, index = step.values[step.inputs[0]], step.node.args[1]
    if isinstance(value, Extent):
        return _size_item(value, index, len(step.inputs[0].meta["value"]))
    flow = step.sole_flow()
    parts = list(index) if isinstance(index, tuple) else [index]
    if flow is None or not all(isinstance(part, (int, slice)) for part in parts):
        return mixes(step)
    if flow.axis < len(parts) and parts[flow.axis] != slice(None):
        return mixes(step)
    return keeps(step, flow, flow.axis - sum(isinstance(part, int) for part in parts[: flow.axis]))


def _size_item(extent: Extent, index: Any, length: int) -> Value:
    parts = (index.start, index.stop, index.step) if isinstance(index, slice) else (index,)
    if extent.axis is None or not all(part is None or isinstance(part, int) for part in parts):
        return Extent(None, extent.ids)
    places = list(range(length))[index]
    if isinstance(places, int):
        return Extent(None, extent.ids) if places == extent.axis else None
    return Extent(places.index(extent.axis), extent.ids) if extent.axis in places else None


def _measures(step: Step) -> Value:
    """x.size(), x.size(1), x.numel(), len(x)."""
    flow = step.sole_flow()
    if flow is None:
        return None
    if step.node.target == "size":
        extent, dim = Extent(flow.axis, flow.ids), step.argument(1, "dim")
        return extent if dim is None else _size_item(extent, dim, step.inputs[0].meta["value"].ndim)
    return Extent(None, flow.ids)


def _attribute(step: Step) -> Value:
    name, flow = step.node.args[1], step.values[step.inputs[0]]
    if name in ("dtype", "device", "ndim", "layout", "is_cuda", "requires_grad"):
        return None
    if name == "shape" and isinstance(flow, Flow):
        return Extent(flow.axis, flow.ids)
    return mixes(step)


def _creates(step: Step) -> Value:
    """A new tensor, of a type and device like another's; sizes that follow channels have to stay."""
    for node in step.inputs:
        if isinstance(step.values[node], Extent):
            step.channels.lock(step.values[node])
    return None


def _nothing(_step: Step) -> Value:
    return None


_ELEMENTWISE = (
    "add", "sub", "subtract", "rsub", "mul", "multiply", "div", "divide", "truediv", "true_divide", "floor_divide",
    "floordiv", "pow", "neg", "negative", "pos", "abs", "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt",
    "rsqrt", "square", "reciprocal", "sin", "cos", "erf", "clamp", "clamp_min", "clamp_max", "clip", "sign", "round",
    "floor", "ceil", "maximum", "minimum", "where", "lerp", "masked_fill", "addcmul", "addcdiv", "eq", "ne", "lt",
    "le", "gt", "ge", "logical_and", "logical_or", "logical_not", "isnan", "isfinite", "nan_to_num", "relu", "relu6",
    "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "sigmoid", "logsigmoid", "tanh", "hardtanh",
    "hardswish", "hardsigmoid", "softplus", "softsign", "tanhshrink", "softshrink", "hardshrink", "threshold",
    "rrelu", "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout",
    "feature_dropout", "clone", "detach", "contiguous", "float", "half", "bfloat16", "double", "to", "type_as",
    "expand_as", "zeros_like", "ones_like", "iadd", "isub", "imul", "itruediv", "ipow",
)  # fmt: skip
_MIXING = (
    "matmul", "bmm", "mm", "baddbmm", "addmm", "einsum", "softmax", "log_softmax", "layer_norm", "group_norm",
    "rms_norm", "batch_norm", "instance_norm", "local_response_norm", "normalize", "linear", "bilinear", "conv1d",
    "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "scaled_dot_product_attention",
    "multi_head_attention_forward", "glu", "prelu", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "chunk",
    "split", "tensor_split", "unbind", "stack", "cumsum", "argmax", "argmin", "topk", "sort", "max", "min", "norm",
    "unfold", "fold", "roll", "flip", "index_select", "gather", "setitem", "imatmul",
)  # fmt: skip
_NAMES: dict[str, Rule] = {
    **dict.fromkeys(_MIXING, mixes),
    **dict.fromkeys(_ELEMENTWISE, elementwise),
    **dict.fromkeys(("mean", "sum", "amax", "amin", "std", "var", "logsumexp"), _reduces),
    **dict.fromkeys(("cat", "concat", "concatenate"), _joins),
    **dict.fromkeys(("view", "reshape"), _views),
    **dict.fromkeys(("flatten", "unsqueeze"), reshapes),
    "squeeze": _squeezes,
    "expand": _expands,
    "permute": _permutes,
    **dict.fromkeys(("transpose", "swapaxes"), _transposes),
    **{
        f"{kind}_pool{d}d": partial(over_positions, dimensions=d)
        for kind in ("max", "avg", "lp", "adaptive_avg", "adaptive_max")
        for d in (1, 2, 3)
    },
    **dict.fromkeys(("interpolate", "upsample"), lambda step: over_positions(step, step.out.ndim - 2)),
    "pad": _pads,
    "getitem": _item,
    "getattr": _attribute,
    **dict.fromkeys(("_assert", "dim", "ndimension", "is_floating_point"), _nothing),
    **dict.fromkeys(("new_empty", "new_zeros", "new_ones", "new_full"), _creates),
    **dict.fromkeys(("size", "numel", "nelement"), _measures),
}
FUNCTIONS: Mapping[Any, Rule] = MappingProxyType(
    {
        getattr(space, name): rule
        for name, rule in _NAMES.items()
        for space in (F, torch, operator)
        if hasattr(space, name)
    }
    | {getattr: _attribute}
)
METHODS: Mapping[str, Rule] = MappingProxyType(
    {spelled: rule for name, rule in _NAMES.items() for spelled in (name, f"{name}_") if hasattr(Tensor, spelled)}
)
