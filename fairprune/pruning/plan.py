"""Plans: what a pruned network keeps, as values. A versioned, tagged union that is stored as tensors, never pickled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from fairprune.errors import StoreError
from fairprune.record import Size

VERSION = 1


@dataclass(frozen=True)
class DensePlan:
    """Everything is kept."""


@dataclass(frozen=True)
class MaskPlan:
    """Weights kept in place: parameter name -> boolean tensor of the parameter's shape (True: kept)."""

    masks: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class ChannelPlan:
    """Channels kept, removed physically.

    `kept` maps `<module>/out` and `<module>/in` to sorted int64 positions of the dense module's dimension; a side
    that is whole is absent. Batch norms and other per-channel modules have `<module>/out` only.
    """

    kept: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class BlockPlan:
    """Residual blocks removed physically: name of the block's module -> what removing it saves.

    What is saved cannot be read off a network from which the block has gone, and says which blocks are alike.
    """

    removed: Mapping[str, Size] = field(default_factory=dict)


Plan: TypeAlias = DensePlan | MaskPlan | ChannelPlan | BlockPlan


def to_tensors(plan: Plan) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and header of a plan, for safetensors. Masks are packed, eight to a byte."""
    header = {"format": "fairprune-plan", "version": str(VERSION)}
    if isinstance(plan, MaskPlan):
        tensors: dict[str, Tensor] = {}
        for name, mask in plan.masks.items():
            tensors[f"bits/{name}"] = torch.from_numpy(np.packbits(mask.cpu().numpy().reshape(-1)))
            tensors[f"shape/{name}"] = torch.tensor(mask.shape, dtype=torch.int64)
        return tensors, header | {"kind": "masks"}
    if isinstance(plan, ChannelPlan):
        return {name: kept.to(torch.int64) for name, kept in plan.kept.items()}, header | {"kind": "channels"}
    if isinstance(plan, BlockPlan):
        saved = {name: torch.tensor([size.params, size.macs]) for name, size in plan.removed.items()}
        return saved, header | {"kind": "blocks"}
    return {}, header | {"kind": "dense"}


def from_tensors(tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> Plan:
    """The plan that `to_tensors` wrote. Raises StoreError for another format or a newer version."""
    if header.get("format") != "fairprune-plan":
        raise StoreError("not a fairprune plan: its header lacks format=fairprune-plan")
    if int(header.get("version", "0")) > VERSION:
        raise StoreError(f"plan of version {header['version']}: this fairprune reads up to version {VERSION}")
    kind = header.get("kind")
    if kind == "masks":
        names = [name.removeprefix("bits/") for name in tensors if name.startswith("bits/")]
        return MaskPlan({name: _unpack(tensors[f"bits/{name}"], tensors[f"shape/{name}"]) for name in sorted(names)})
    if kind == "channels":
        return ChannelPlan(dict(sorted(tensors.items())))
    if kind == "blocks":
        return BlockPlan({name: Size(params=int(n[0]), macs=int(n[1])) for name, n in sorted(tensors.items())})
    if kind == "dense":
        return DensePlan()
    raise StoreError(f"plan of unknown kind '{kind}' (known: blocks, channels, dense, masks)")


def _unpack(bits: Tensor, shape: Tensor) -> Tensor:
    size = tuple(int(n) for n in shape)
    flat = np.unpackbits(bits.numpy(), count=int(np.prod(size)))
    return torch.from_numpy(flat.astype(bool)).reshape(size)
