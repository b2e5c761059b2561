"""How large the file of a network is."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fairprune.tensors import write_tensors


@dataclass(frozen=True)
class FileSize:
    """Bytes of the safetensors file of parameters and buffers. For masked networks also what other files would need.

    gzipped  the same file, compressed by gzip
    sparse   a file that holds only the weights that are kept, and one bit for each that says which
    """

    plain: int
    gzipped: int | None = None
    sparse: int | None = None


def file_size(network: nn.Module, masks: Mapping[str, Tensor] | None = None) -> FileSize:
    """The size of a network's file; `masks` maps names of masked parameters to what is kept (bool)."""
    state = network.state_dict()
    data = write_tensors(state, {})
    if not masks:
        return FileSize(len(data))
    return FileSize(len(data), len(gzip.compress(data, 6, mtime=0)), len(write_tensors(_sparse(state, masks), {})))


def _sparse(state: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    kept = {name: tensor for name, tensor in state.items() if name not in masks}
    for name, mask in masks.items():
        mask = mask.cpu()
        kept[f"{name}/bits"] = torch.from_numpy(np.packbits(mask.numpy()))
        kept[f"{name}/kept"] = state[name].cpu()[mask]
    return kept
