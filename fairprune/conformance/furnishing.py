"""What has been put on a network: parameters, buffers, modules, attributes, hooks, parametrizations."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

Furnishing = dict[str, str]  # what there is -> how it is


def furnishing(network: nn.Module) -> Furnishing:
    """Everything about a network but its values."""
    return dict(_found(network))


def left_behind(before: Furnishing, after: Furnishing) -> str:
    """The first difference, in words; "" if there is none."""
    for what in [*after, *before]:
        if what not in before:
            return f"{what} is left on the network"
        if what not in after:
            return f"{what} is gone from the network"
        if before[what] != after[what]:
            return f"{what} is {after[what]}, and was {before[what]}"
    return ""


def _found(network: nn.Module) -> Iterator[tuple[str, str]]:
    for name, tensor in network.state_dict(keep_vars=True).items():
        grad = ", trained" if tensor.requires_grad else ""
        yield f"'{name}' of the state_dict", f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}{grad}"
    for name, module in network.named_modules():
        where = f"module '{name}'" if name else "the network"
        yield f"the type of {where}", type(module).__name__
        for attribute, value in vars(module).items():
            yield f"attribute '{attribute}' of {where}", ""
            if attribute.endswith("hooks") and value:
                yield f"a hook of {where}", ""
        yield from ((f"'{key}' of {where}", "") for key in (*module._parameters, *module._buffers))
        yield from ((f"a hook of '{key}' of {where}", "") for key, p in module._parameters.items() if _hooked(p))


def _hooked(parameter: Tensor | None) -> bool:
    names = ("_backward_hooks", "_post_accumulate_grad_hooks")
    return any(getattr(parameter, name, None) for name in names)
