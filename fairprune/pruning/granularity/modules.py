"""What torch.nn modules do with channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from torch import nn

from fairprune.errors import NetworkError
from fairprune.networks.channel_pad import ChannelPad
from fairprune.pruning.granularity.flow import Flow, Value
from fairprune.pruning.granularity.step import Step, elementwise, mixes, over_positions, reshapes

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
INSTANCE_NORMS = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)

ModuleRule = Callable[[Step, nn.Module], Value]


def of_module(step: Step, module: nn.Module) -> Value:
    """What the call of a leaf module makes of its channels.

    Modules of torch.nn without a rule of their own (layer norm, softmax, attention, recurrence ...) join channels
    or may: what flows into them stays whole, so they compute what they always did. Exact types only: a subclass or a
    parametrised module may do something else.
    """
    rule = RULES.get(type(module))
    return rule(step, module) if rule else mixes(step)


def is_depthwise(module: nn.Module) -> bool:
    """Whether a convolution treats each input channel by itself."""
    groups, inputs = getattr(module, "groups", 1), getattr(module, "in_channels", 0)
    return type(module) in (*CONVOLUTIONS, *TRANSPOSED) and groups == inputs > 1


def produces(step: Step, module: nn.Module) -> Value:
    """A layer of weights: reads its input channels and makes new ones."""
    name, axis, channels = str(step.node.target), _axis(step, module), step.channels
    channels.side(f"{name}/in", step.ids(axis))
    if f"{name}/out" not in channels.sides:
        channels.sides[f"{name}/out"] = channels.fresh(step.out.shape[axis])
        channels.producers[name] = 1 if isinstance(module, TRANSPOSED) else 0
    return Flow(axis, channels.sides[f"{name}/out"])


def convolves(step: Step, module: nn.Module) -> Value:
    """A convolution: ungrouped it makes channels, depthwise it hands them on, otherwise they have to stay."""
    if getattr(module, "groups", 1) == 1:
        return produces(step, module)
    if not is_depthwise(module):
        return mixes(step)
    name, axis = str(step.node.target), _axis(step, module)
    ids = step.channels.side(f"{name}/in", step.ids(axis))
    multiplier = step.out.shape[axis] // len(ids)
    return Flow(axis, step.channels.side(f"{name}/out", np.repeat(ids, multiplier)))


def per_channel(step: Step, module: nn.Module) -> Value:
    """One entry of each parameter and statistic per channel, along dimension 1."""
    name, source, value = str(step.node.target), step.inputs[0], step.values[step.inputs[0]]
    ndim = source.meta["value"].ndim
    unbatched = isinstance(module, INSTANCE_NORMS) and ndim != _spatial(module) + 2
    if unbatched or (isinstance(value, Flow) and value.axis != 1):
        return mixes(step)
    if source.op == "call_module" and source.target in step.channels.producers and isinstance(module, BATCH_NORMS):
        step.channels.batch_norm_of.setdefault(str(source.target), name)
    return Flow(1, step.channels.side(f"{name}/out", step.ids(1)))


def rectifies(step: Step, module: nn.Module) -> Value:
    """PReLU: one slope for all, or one per channel."""
    return per_channel(step, module) if getattr(module, "num_parameters", 1) > 1 else passes(step, module)


def pads_channels(step: Step, module: nn.Module) -> Value:
    """Option A: channels among zeros. A zero is a channel of its own, which may go with those it is added to."""
    name, placed = str(step.node.target), module.get_buffer("index")
    if placed.is_meta:
        raise NetworkError(f"module '{name}' is on the meta device, where its map of channels has no values")
    index = placed.cpu().numpy()
    ids = step.channels.side(f"{name}/in", step.ids(1))
    if f"{name}/out" not in step.channels.sides:
        zeros = step.channels.fresh(len(index))
        step.channels.sides[f"{name}/out"] = np.where(index < 0, zeros, ids[index])
    return Flow(1, step.channels.sides[f"{name}/out"])


def passes(step: Step, _module: nn.Module) -> Value:
    """Element by element."""
    return elementwise(step)


def _pools(step: Step, module: nn.Module) -> Value:
    return over_positions(step, _spatial(module))


def _resizes(step: Step, _module: nn.Module) -> Value:
    return over_positions(step, step.out.ndim - 2)


def _flattens(step: Step, _module: nn.Module) -> Value:
    return reshapes(step)


def _spatial(module: nn.Module) -> int:
    """Dimensions that a module works over, from its name: 2 for MaxPool2d."""
    return int(type(module).__name__.removesuffix("d")[-1])


def _axis(step: Step, module: nn.Module) -> int:
    return int(step.out.ndim) - 1 - (0 if isinstance(module, nn.Linear) else _spatial(module))


def _named(*patterns: str) -> list[type[nn.Module]]:
    names = [pattern.format(d) for pattern in patterns for d in (1, 2, 3)]
    return [getattr(nn, name) for name in dict.fromkeys(names) if hasattr(nn, name)]


_ELEMENTWISE = (
    "ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "Sigmoid", "LogSigmoid", "Tanh",
    "Hardtanh", "Hardswish", "Hardsigmoid", "Softplus", "Softsign", "Tanhshrink", "Softshrink", "Hardshrink",
    "Threshold", "RReLU", "Identity", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout",
    "FeatureAlphaDropout",
)  # fmt: skip

RULES: Mapping[type[nn.Module], ModuleRule] = MappingProxyType(
    {
        nn.Linear: produces,
        ChannelPad: pads_channels,
        nn.PReLU: rectifies,
        nn.Flatten: _flattens,
        nn.Upsample: _resizes,
        nn.UpsamplingNearest2d: _resizes,
        nn.UpsamplingBilinear2d: _resizes,
        **dict.fromkeys((*CONVOLUTIONS, *TRANSPOSED), convolves),
        **dict.fromkeys((*BATCH_NORMS, *INSTANCE_NORMS), per_channel),
        **dict.fromkeys(_named(*_ELEMENTWISE), passes),
        **dict.fromkeys(
            _named(
                "MaxPool{}d", "AvgPool{}d", "LPPool{}d", "AdaptiveAvgPool{}d", "AdaptiveMaxPool{}d",
                "ZeroPad{}d", "ConstantPad{}d", "ReflectionPad{}d", "ReplicationPad{}d", "CircularPad{}d",
            ),
            _pools,
        ),
    }
)  # fmt: skip
