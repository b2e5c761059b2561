"""A network on one image that is the same everywhere: rows and columns that stay equal to each other are computed once.

Behind a convolution only the border, which padding reaches, differs from the interior. For SynFlow's input of ones
that saves half of the multiply-adds of ResNet-50, and nothing is approximated: outputs and gradients are those of
the whole image but for the order of sums.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map_only
from torch.utils.weak import WeakTensorKeyDictionary

Call = Callable[..., Any]


@dataclass(frozen=True)
class Span:
    """Positions along an axis: those from `start` to `stop` - 1 are equal, and the first of them alone is held."""

    size: int
    start: int
    stop: int

    def without(self, start: int, stop: int) -> list[int]:
        """Where all positions but those from `start` to `stop` - 1 are held."""
        left = (*range(start), *range(stop, self.size))
        return [p if p <= self.start else max(p - (self.stop - self.start - 1), self.start) for p in left]

    def common(self, other: Span) -> Span:
        """What is equal in both."""
        start = max(self.start, other.start)
        return Span(self.size, start, max(min(self.stop, other.stop), start + 1))

    def behind(self, kernel: int, stride: int, padding: int, dilation: int) -> Span:
        """Outputs of a window that moves along. Output o looks at inputs from o * stride - padding on."""
        reach = dilation * (kernel - 1)
        size = (self.size + 2 * padding - reach - 1) // stride + 1
        start = min(-(-(self.start + padding) // stride), size - 1)
        return Span(size, start, max((self.stop - 1 + padding - reach) // stride + 1, start + 1))


Spans = tuple[Span, ...]  # of rows, of columns


class Once(TorchFunctionMode):
    """Within it, tensors that are held in part stand for whole ones, until something asks for them whole."""

    def __init__(self) -> None:
        super().__init__()
        self._spans = WeakTensorKeyDictionary()
        self._copied: list[tuple[Tensor, int]] = []

    def hold(self, image: Tensor) -> Tensor:
        """What stands for an image [1, channels, rows, columns] that is the same everywhere."""
        held = image[..., :1, :1].clone()
        self._spans[held] = tuple(Span(size, 0, size) for size in image.shape[2:])
        return held

    def changed(self) -> bool:
        """Whether something was changed in place after, or through, a copy that was made of it."""
        return any(tensor._version != version for tensor, version in self._copied)

    def __torch_function__(self, func: Call, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute with what is held where that suffices, and with whole tensors otherwise."""
        kwargs = kwargs or {}
        spans = self._spans_of(args[0]) if args else None
        if spans:
            if func in _WINDOWS and (window := _window(func, args, kwargs)):
                return self._windowed(func, args, kwargs, spans, window)
            if func in _ALIKE or (func is F.batch_norm and not _bound(_NORM, args, kwargs)["training"]):
                return self._held(func(*args, **kwargs), spans)
            if func in _SUMS and len(args) == 2 and not kwargs and (others := self._spans_of(args[1])):
                return self._sum(func, args, (spans, others))
        return func(*tree_map_only(Tensor, self._whole, args), **tree_map_only(Tensor, self._whole, kwargs))

    def _spans_of(self, arg: Any) -> Spans | None:
        return self._spans.get(arg) if isinstance(arg, Tensor) else None  # type: ignore[no-untyped-call]

    def _held(self, result: Any, spans: Spans) -> Any:
        if isinstance(result, Tensor):
            self._spans[result] = spans
        return result

    def _whole(self, tensor: Tensor) -> Tensor:
        spans = self._spans_of(tensor)
        if not spans:
            return tensor
        whole = _drawn(tensor, [span.without(0, 0) for span in spans])
        self._copied += [(tensor, tensor._version), (whole, whole._version)]
        return whole

    def _windowed(self, func: Call, args: Any, kwargs: Any, spans: Spans, window: Sequence[Sequence[int]]) -> Any:
        behind = tuple(span.behind(*along) for span, along in zip(spans, window, strict=True))
        strides = [along[1] for along in window]
        spared = [stride * (b.stop - b.start - 1) for stride, b in zip(strides, behind, strict=True)]
        rest = [span.without(span.stop - n, span.stop) for span, n in zip(spans, spared, strict=True)]
        return self._held(func(_drawn(args[0], rest), *args[1:], **kwargs), behind)

    def _sum(self, func: Call, args: Any, spans: Sequence[Spans]) -> Any:
        both = tuple(a.common(b) for a, b in zip(*spans, strict=True))
        if func in _IN_PLACE and both != spans[0]:
            raise RuntimeError("what is changed in place would be held otherwise")
        return self._held(func(*(_narrowed(arg, had, both) for arg, had in zip(args, spans, strict=True))), both)


def run(call: Callable[[Tensor], Tensor], image: Tensor) -> Tensor:
    """call(image), for an image [1, channels, rows, columns] that is the same everywhere; else plainly that.

    What is held in part goes through any network, since all but convolutions, pooling, batch norm, ReLU and sums gets
    whole tensors. Where something is changed in place that cannot be followed, the whole image is computed.
    """
    if image.dim() != 4:
        return call(image)
    try:
        with Once() as once:
            result = call(once.hold(image))
        if not once.changed():
            return result
    except RuntimeError:  # the whole image says what is wrong with the network itself
        pass
    return call(image)


_CONV = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_MAX = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
_AVG = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
_NORM = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
_WINDOWS: Mapping[Call, Sequence[str]] = {torch.conv2d: _CONV, F.max_pool2d: _MAX, F.avg_pool2d: _AVG}
_IN_PLACE = frozenset({Tensor.add_, Tensor.__iadd__})
_SUMS = frozenset({torch.add, Tensor.add, Tensor.__add__}) | _IN_PLACE
_ALIKE = frozenset({F.relu, torch.relu, Tensor.relu, Tensor.dim})  # do the same everywhere, or ask what is the same


def _bound(names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    defaults = {"stride": None, "padding": 0, "dilation": 1, "training": False, "ceil_mode": False}
    return {**defaults, **dict(zip(names, args, strict=False)), **kwargs}


def _window(func: Call, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[list[int]] | None:
    """Kernel, stride, padding, dilation along each axis; None for what is not a plain window."""
    given = _bound(_WINDOWS[func], args, kwargs)
    kernel = given["weight"].shape[2:] if func is torch.conv2d else given["kernel_size"]
    stride = given["stride"] or (1 if func is torch.conv2d else kernel)
    values = kernel, stride, given["padding"], given["dilation"]
    if given["ceil_mode"] or any(isinstance(value, str) for value in values):
        return None
    pairs = [(value, value) if isinstance(value, int) else tuple(value) for value in values]
    return [[pair[axis % len(pair)] for pair in pairs] for axis in range(2)]


def _drawn(tensor: Tensor, along: Sequence[Sequence[int]]) -> Tensor:
    """Rows and columns of a tensor, by their positions."""
    for axis, positions in zip((-2, -1), along, strict=True):
        if list(positions) != list(range(tensor.shape[axis])):
            tensor = tensor.index_select(axis, torch.tensor(positions, device=tensor.device))
    return tensor


def _narrowed(tensor: Tensor, spans: Spans, to: Spans) -> Tensor:
    return _drawn(tensor, [span.without(new.start + 1, new.stop) for span, new in zip(spans, to, strict=True)])
