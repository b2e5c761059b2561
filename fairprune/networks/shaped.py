"""Networks whose parameters have shapes: those of lazy modules have none before the network has run."""

from __future__ import annotations

from torch import nn
from torch.nn.parameter import UninitializedParameter

from fairprune.errors import NetworkError


def check_shaped(network: nn.Module) -> None:
    """Raise NetworkError for a parameter that has no shape yet."""
    for name, parameter in network.named_parameters():
        if isinstance(parameter, UninitializedParameter):
            kind = type(network).__name__
            raise NetworkError(f"parameter '{name}' of {kind} has no shape yet: run the network on an example first")
