"""What criteria and repairs answer with, checked before anything is done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from fairprune.errors import PruneError, unknown


def checked_weights(who: str, found: object, shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """New weights of layers, on the CPU. Raises PruneError for other names or shapes than these, and NaN."""
    if not isinstance(found, Mapping):
        raise PruneError(f"{who} returned {type(found).__name__}, expected layer name -> weights")
    for name in found:
        if name not in shapes:
            raise PruneError(f"{who} returned weights for " + unknown("layer", str(name), shapes))
    return {name: finite(who, f"weights of layer '{name}'", value, [shapes[name]]) for name, value in found.items()}


def finite(who: str, what: str, value: object, shapes: Sequence[torch.Size]) -> Tensor:
    """The tensor as floating point on the CPU, detached from whatever made it. Raises PruneError if it does not fit."""
    if not isinstance(value, Tensor):
        raise PruneError(f"{who}: {what} are {type(value).__name__}, expected a tensor")
    if value.shape not in shapes:
        expected = " or ".join(str(list(shape)) for shape in shapes)
        raise PruneError(f"{who}: {what} have shape {list(value.shape)}, expected {expected}")
    value = value.detach() if value.is_floating_point() else value.detach().double()
    # a sum that is finite says it at once; one that overflows says nothing
    bad = 0 if bool(torch.isfinite(value.sum())) else int((~torch.isfinite(value)).sum())
    if bad:
        raise PruneError(f"{who}: {what} have {bad} values that are NaN or infinite")
    return value.cpu()
