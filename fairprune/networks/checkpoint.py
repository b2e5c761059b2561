"""Checkpoints as tensors only: safetensors, or torch files read with weights_only. Never executes code."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from fairprune.errors import NetworkError


def load_checkpoint(network: nn.Module, path: Path) -> None:
    """Load weights and buffers in place, strictly: every name and every shape must fit.

    Unwraps {"state_dict": ...} and {"model": ...} and strips a "module." prefix (torch's DataParallel). Only
    `num_batches_tracked` may be absent, as older files lack it. Raises NetworkError, the network unchanged; also for
    values that are not finite.
    """
    tensors = _unwrap(_read(path), path)
    expected = network.state_dict()
    missing = [name for name in expected if name not in tensors and not name.endswith("num_batches_tracked")]
    unexpected = [name for name in tensors if name not in expected]
    shapes = [
        f"{name} ({_shape(tensors[name])}, expected {_shape(expected[name])})"
        for name in expected
        if name in tensors and tensors[name].shape != expected[name].shape
    ]
    differences = [
        *_listed("missing", missing),
        *_listed("unexpected", unexpected),
        *_listed("of another shape", shapes),
    ]
    if differences:
        raise NetworkError(f"{path} does not fit {type(network).__name__}: {'; '.join(differences)}")
    broken = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if broken:
        raise NetworkError(f"{path} holds values that are NaN or infinite: {_first(broken)}")
    network.load_state_dict(tensors, strict=False)


def _read(path: Path) -> object:
    if not path.is_file():
        raise NetworkError(f"no checkpoint {path}: expected a safetensors or torch file")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it reads: it can be read, or is refused below
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files raise almost anything
        raise NetworkError(
            f"{path} cannot be read as tensors only ({type(error).__name__}): it is damaged, or holds pickled code, "
            "which is never executed; expected safetensors, or torch.save(network.state_dict(), ...)"
        ) from error


def _unwrap(content: object, path: Path) -> dict[str, Tensor]:
    for key in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not content:
        raise NetworkError(f"{path} holds no weights: expected names and tensors, or those under state_dict or model")
    odd = [str(name) for name, value in content.items() if not isinstance(value, Tensor)]
    if odd:
        raise NetworkError(
            f"{path} holds more than weights: '{odd[0]}' is no tensor (weights under state_dict or model?)"
        )
    prefix = "module." if all(str(name).startswith("module.") for name in content) else ""
    return {str(name).removeprefix(prefix): value for name, value in content.items()}


def _listed(what: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    return [f"{len(names)} {what}: {_first(names)}"]


def _first(names: Sequence[str]) -> str:
    return f"{', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"
