"""What comes out of layers on the calibration samples, batch by batch."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from fairprune.errors import PruneError
from fairprune.pruning.calibration import FORWARD, Source


def outputs(source: Source, layers: Collection[str]) -> Iterator[dict[str, Tensor]]:
    """For each batch, layer name -> [batch, out, ...]: outputs of the layer, or of the batch norm directly behind it.

    Copies, without gradients; one batch is held at a time. Raises PruneError for a layer that runs not exactly once.
    """
    watched = {name: source.network.get_submodule(source.batch_norm_of.get(name, name)) for name in layers}
    for batch, _ in source.stream(FORWARD):
        yield _outputs(source.network, watched, batch)


def _outputs(network: nn.Module, watched: Mapping[str, nn.Module], batch: Tensor) -> dict[str, Tensor]:
    found: dict[str, list[Tensor]] = {name: [] for name in watched}

    def keep(name: str) -> Any:
        # a copy: what follows may work in place
        return lambda module, _args, output: found[name].append(_channels_second(module, output.clone()))

    hooks = [module.register_forward_hook(keep(name)) for name, module in watched.items()]
    try:
        with torch.no_grad():
            network(batch)
    finally:
        for hook in hooks:
            hook.remove()
    for name, values in found.items():
        if len(values) != 1:
            raise PruneError(
                f"layer '{name}' runs {len(values)} times for each sample, so it has no one output to score by: "
                f"spare that layer or take another criterion"
            )
    return {name: values[0] for name, values in found.items()}


def _channels_second(module: nn.Module, output: Tensor) -> Tensor:
    return output.movedim(-1, 1) if isinstance(module, nn.Linear) else output
