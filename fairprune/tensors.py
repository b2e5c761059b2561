"""Tensors as bytes and back: safetensors with a header. Imports torch when it is needed: many only read records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fairprune.canonical import Json, canonical
from fairprune.sealed import DamagedError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


def write_tensors(tensors: Mapping[str, Tensor], header: Mapping[str, Json]) -> bytes:
    """Safetensors bytes, the same for the same values: safetensors keeps no order of its own in several entries."""
    import safetensors.torch
    import torch

    ready = {
        # a copy: safetensors refuses tensors that share memory, as tied weights do
        name: tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    return safetensors.torch.save(ready, metadata={"header": canonical(header)})


def read_tensors(data: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and header of bytes that `write_tensors` made. Raises DamagedError where they are not valid."""
    import safetensors.torch
    from safetensors import SafetensorError

    try:
        tensors = safetensors.torch.load(data)
        size = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + size]).get("__metadata__", {})
        return tensors, json.loads(metadata.get("header", "{}"))
    except (SafetensorError, ValueError) as error:
        raise DamagedError(f"not valid safetensors: {error}") from None


def read_arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """The same tensors as arrays, for those who have no other need of torch, which takes seconds to import."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(data)
    except (SafetensorError, ValueError) as error:
        raise DamagedError(f"not valid safetensors: {error}") from None
