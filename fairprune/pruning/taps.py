"""Taps: samples of what the layers that read prunable channels see, and of what they yield in the dense network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairprune import seeds
from fairprune.errors import PruneError
from fairprune.pruning.calibration import Batches
from fairprune.pruning.criterion import Tap
from fairprune.pruning.granularity.channels import ChannelSpace
from fairprune.pruning.granularity.modules import CONVOLUTIONS

LOCATIONS = 10  # per image, as in arXiv:1707.06342 and arXiv:1707.06168; all there are, where there are fewer


@dataclass(frozen=True)
class Samples:
    """What one pass over the calibration samples has kept of each layer, [samples, ...], and what it has seen.

    images  calibration samples
    marks   one number per batch, by which it is known again
    """

    values: Mapping[str, Tensor] = field(default_factory=dict)
    images: int = 0
    marks: tuple[float, ...] = ()


def readers(network: nn.Module, space: ChannelSpace, groups: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """Index of each of these groups -> the layers that read its channels, in the order in which the network runs.

    Depthwise convolutions hand channels on and do not count. Raises PruneError for a group that no layer reads, and
    for one that a layer reads whose outputs cannot be sampled (transposed convolutions).
    """
    found = {}
    for index in groups:
        group = space.groups[index]
        names = tuple(layer for layer in space.producers if bool((units_of(space, layer, index) >= 0).any()))
        if not names:
            raise PruneError(f"no layer reads the channels of group '{group.name}': spare {', '.join(group.layers)}")
        for name in names:
            module = network.get_submodule(name)
            if type(module) not in (nn.Linear, *CONVOLUTIONS):
                raise PruneError(
                    f"layer '{name}' ({type(module).__name__}) cannot be reconstructed: spare the layers whose "
                    f"channels it reads ({', '.join(group.layers)})"
                )
        found[index] = names
    return found


def units_of(space: ChannelSpace, layer: str, group: int | None = None) -> Tensor:
    """The unit that each input of a layer belongs to, int64 [in]; -1 for inputs of other groups.

    Units are numbered within the group; without a group, over all groups, and -1 is what has to stay.
    """
    numbers = torch.from_numpy(space.units.sides[f"{layer}/in"])
    if group is None:
        return numbers.clone()
    start, stop = (int(n) for n in space.units.starts[group : group + 2])
    return torch.where((numbers >= start) & (numbers < stop), numbers - start, -1)


def dense_outputs(network: nn.Module, layers: Iterable[str], batches: Batches, seed: int) -> Samples:
    """What the layers yield without bias, [samples, out], at locations drawn in each image. One forward pass.

    Nothing runs for no layers. Raises PruneError where there is no calibration sample.
    """
    return _sample(network, layers, batches, seed, _products)


def inputs_like(dense: Samples, network: nn.Module, layers: Iterable[str], batches: Batches, seed: int) -> Samples:
    """What the layers see, [samples, in, kernel positions], at the locations of `dense`. One forward pass.

    Raises PruneError unless the batches are those that `dense` has seen.
    """
    found = _sample(network, layers, batches, seed, lambda _, patches: patches)
    if found.images and found.marks != dense.marks:
        raise PruneError(
            "calibration batches change from pass to pass: expected the same samples in the same order each time"
        )
    return found


def taps_of(
    network: nn.Module,
    space: ChannelSpace,
    layers: Iterable[str],
    inputs: Samples,
    dense: Samples,
    group: int | None = None,
) -> dict[str, Tap]:
    """Taps of those of the layers that run in evaluation, with copies of their weights as they stand.

    `units` are numbered within the group of that index, or over all groups.
    """
    taps = {}
    for layer in layers:
        if layer in inputs.values:
            weight = network.get_submodule(layer).get_parameter("weight").detach()
            units = units_of(space, layer, group).to(weight.device)
            flat = weight.reshape(*weight.shape[:2], -1).clone()
            taps[layer] = Tap(inputs.values[layer], dense.values[layer], flat, units)
    return taps


Keep: TypeAlias = Callable[[nn.Module, Tensor], Tensor]  # layer and patches [n, in, kernel positions] -> [n, ...]


def _products(layer: nn.Module, patches: Tensor) -> Tensor:
    return patches.flatten(1) @ layer.get_parameter("weight").to(patches.dtype).flatten(1).T


def _sample(network: nn.Module, layers: Iterable[str], batches: Batches, seed: int, keep: Keep) -> Samples:
    samplers = {name: _Sampler(keep, seeds.generator("taps", seed, name)) for name in layers}
    if not samplers:
        return Samples()
    images, marks = 0, []
    with torch.no_grad(), _hooked(network, samplers):
        for batch, _ in batches():
            network(batch)
            images += len(batch)
            marks.append(float(batch.sum(dtype=torch.float64)))
    if not images:
        raise PruneError("calibration has no samples: expected at least one batch of the training split")
    return Samples({name: torch.cat(s.found) for name, s in samplers.items() if s.found}, images, tuple(marks))


@dataclass
class _Sampler:
    """Draws locations of one layer's output, image by image, and keeps what it is asked to of the inputs there."""

    keep: Keep
    generator: torch.Generator
    found: list[Tensor] = field(default_factory=list)

    def __call__(self, layer: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        inputs = args[0] if args else kwargs["input"]
        self.found.append(self.keep(layer, _patches(layer, inputs.detach(), self.generator)))


@contextmanager
def _hooked(network: nn.Module, samplers: Mapping[str, _Sampler]) -> Iterator[None]:
    hooks = [
        network.get_submodule(name).register_forward_pre_hook(sampler, with_kwargs=True)
        for name, sampler in samplers.items()
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _patches(layer: nn.Module, inputs: Tensor, generator: torch.Generator) -> Tensor:
    """The inputs [n, in, kernel positions] that decide the outputs at drawn locations: never all patches at once."""
    if isinstance(layer, nn.Linear):
        rows = inputs.reshape(len(inputs), -1, inputs.shape[-1])  # [images, locations, in]
        index = _drawn(len(rows), rows.shape[1], generator).to(inputs.device)[..., None]
    else:
        rows, corners, offsets = _windows(layer, inputs)
        chosen = _drawn(len(rows), len(corners), generator)
        index = (corners[chosen][..., None] + offsets).to(inputs.device)
    images = torch.arange(len(rows), device=inputs.device)[:, None, None]
    patches = rows[images, index].transpose(2, 3).flatten(0, 1)
    return patches.to(torch.promote_types(patches.dtype, torch.float32))


def _windows(layer: Any, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Padded inputs [images, positions, in]; the positions of the windows' corners, and of a window relative to its."""
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    padded = F.pad(inputs, layer._reversed_padding_repeated_twice, mode=mode)
    spatial = padded.shape[2:]
    grid = torch.arange(math.prod(spatial)).reshape(spatial)
    reach = [d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    corners = grid[tuple(slice(0, n - r, s) for n, r, s in zip(spatial, reach, layer.stride, strict=True))]
    offsets = grid[tuple(slice(0, r + 1, d) for r, d in zip(reach, layer.dilation, strict=True))]
    return padded.flatten(2).transpose(1, 2), corners.flatten(), offsets.flatten()


def _drawn(images: int, locations: int, generator: torch.Generator) -> Tensor:
    """Locations of each image without repetition, [images, min(LOCATIONS, locations)], on the CPU."""
    return torch.rand(images, locations, generator=generator).topk(min(LOCATIONS, locations)).indices
