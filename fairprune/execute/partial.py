"""States of running stages, saved after every epoch, so that a killed run loses at most one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from fairprune.canonical import digest_bytes
from fairprune.files import write_bytes
from fairprune.sealed import DamagedError
from fairprune.tensors import read_tensors, write_tensors
from fairprune.train import State


@dataclass(frozen=True)
class Saver:
    """The partial state of one stage: a file that is replaced whole after every epoch."""

    folder: Path
    key: str

    @property
    def path(self) -> Path:
        """Where the state lies."""
        return self.folder / f"{self.key}.safetensors"

    def save(self, state: State) -> None:
        """Write the state; the old one stays until the new one is whole. Raises StoreError (a full disk)."""
        tensors, header = _flatten(state)
        data = write_tensors(tensors, {"state": json.dumps(header)})  # a curve may hold NaN, which headers refuse
        write_bytes(self.path, digest_bytes(data).encode() + data)

    def load(self) -> State | None:
        """The state, or None where there is none that is whole."""
        if not self.path.is_file():
            return None
        data = self.path.read_bytes()
        if digest_bytes(data[64:]).encode() != data[:64]:
            return None
        try:
            tensors, header = read_tensors(data[64:])
        except DamagedError:
            return None
        return _restore(tensors, json.loads(header["state"]))

    def drop(self) -> None:
        """Forget the state of a stage that is done."""
        self.path.unlink(missing_ok=True)


def _flatten(state: State) -> tuple[dict[str, Tensor], dict[str, Any]]:
    tensors = {f"network/{name}": tensor for name, tensor in state.network.items()}
    tensors |= {f"best/{name}": tensor for name, tensor in state.best.items()}
    tensors |= {f"method/{name}": tensor.detach() for name, tensor in state.method.items()}
    plain: dict[str, dict[str, Any]] = {}
    for index, slots in state.optimizer["state"].items():
        for slot, value in slots.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer/{index}/{slot}"] = value
            else:
                plain.setdefault(str(index), {})[slot] = value
    groups = state.optimizer["param_groups"]
    rest = {"epoch": state.epoch, "curve": state.curve, "work": state.work}
    return tensors, {**rest, "groups": groups, "slots": plain}


def _restore(tensors: dict[str, Tensor], header: dict[str, Any]) -> State:
    network, best, method = (_part(tensors, prefix) for prefix in ("network/", "best/", "method/"))
    slots: dict[int, dict[str, Any]] = {int(index): dict(values) for index, values in header["slots"].items()}
    for name, tensor in tensors.items():
        if name.startswith("optimizer/"):
            _, index, slot = name.split("/")
            slots.setdefault(int(index), {})[slot] = tensor
    optimizer = {"state": slots, "param_groups": header["groups"]}
    return State(header["epoch"], network, optimizer, best, header["curve"], method, header.get("work", 0.0))


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
