"""Pruned networks: what was done to them, saved and loaded without pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from fairprune.errors import PruneError, StoreError
from fairprune.files import write_bytes
from fairprune.markup import bar, paragraph, table
from fairprune.pruning.apply import pruned
from fairprune.pruning.plan import MaskPlan, Plan, from_tensors, to_tensors
from fairprune.record import Size
from fairprune.tensors import read_tensors, write_tensors


@dataclass(frozen=True)
class Pruned:
    """What `prune` did: `network.fairprune` of a pruned network. `kept` maps groups to units kept and units before."""

    plan: Plan = field(repr=False)
    dense: Size
    small: Size
    kept: Mapping[str, tuple[int, int]]
    on_target: bool

    @property
    def compression(self) -> float:
        """Parameters before over parameters kept."""
        return self.dense.params / max(self.small.params, 1)

    @property
    def speedup(self) -> float:
        """Theoretical: multiply-adds before over multiply-adds kept."""
        return self.dense.macs / max(self.small.macs, 1)

    @property
    def ratio(self) -> float:
        """The fraction of units removed, of all that could be."""
        return 1 - sum(kept for kept, _ in self.kept.values()) / max(sum(size for _, size in self.kept.values()), 1)

    @property
    def masks(self) -> Mapping[str, Tensor]:
        """Parameter name -> what is kept of it; empty where the network is physically smaller."""
        return self.plan.masks if isinstance(self.plan, MaskPlan) else {}

    def __str__(self) -> str:
        return (
            f"{self.dense.params:,} -> {self.small.params:,} parameters ({self.compression:.2f}x), "
            f"{self.dense.macs:,} -> {self.small.macs:,} multiply-adds (theoretical speedup {self.speedup:.2f}x), "
            f"{self.ratio:.1%} of {'weights' if self.masks else 'units'} removed"
        )

    def _repr_html_(self) -> str:
        """What was removed, as notebooks show it."""
        rows = [
            (name, f"{kept:,}", f"{size:,}", f"{1 - kept / max(size, 1):.1%}", bar(kept, size))
            for name, (kept, size) in self.kept.items()
        ]
        said = [str(self), *([] if self.on_target else ["This is the closest possible to the target."])]
        said += ["Masked weights are multiplied all the same: nothing becomes faster."] if self.masks else []
        shown = table(("group", "kept", "of", "removed", "kept"), rows, left=(0, 4))
        return "\n".join([shown, *map(paragraph, said)])


def save(network: nn.Module, path: Path | str) -> None:
    """Save a pruned network as one safetensors file: its state, its plan and its sizes. No pickle."""
    done = getattr(network, "fairprune", None)
    if not isinstance(done, Pruned):
        raise PruneError("fp.save saves networks that fp.prune or fp.load returned; use safetensors for others")
    tensors, header = to_tensors(done.plan)
    state = {f"state/{name}": tensor for name, tensor in network.state_dict().items()}
    plan = {f"plan/{name}": tensor for name, tensor in tensors.items()}
    sizes = {"dense": done.dense.model_dump(), "small": done.small.model_dump()}
    about: dict[str, Any] = {**header, **sizes, "kept": dict(done.kept), "on_target": done.on_target}
    write_bytes(Path(path), write_tensors(state | plan, about))


def load(path: Path | str, network: nn.Module) -> nn.Module:
    """The pruned network in a file that `save` wrote. `network` is the dense one, as its factory builds it.

    Raises PruneError where file and network do not fit, StoreError where the file is absent, damaged or another's.
    """
    try:
        tensors, header = read_tensors(Path(path).read_bytes())
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror or error}") from None
    if not header.keys() >= {"dense", "small", "kept", "on_target"}:
        raise StoreError(f"{path} is not a network that fp.save has written")
    plan = from_tensors(_part(tensors, "plan/"), header)
    small = pruned(network, plan)
    try:
        small.load_state_dict(_part(tensors, "state/"))
    except RuntimeError as error:
        raise PruneError(f"{path} does not fit this network: {str(error).splitlines()[1].strip()}") from None
    kept = {name: (number, size) for name, (number, size) in header["kept"].items()}
    sizes = Size.model_validate(header["dense"]), Size.model_validate(header["small"])
    small.fairprune = Pruned(plan, *sizes, kept, header["on_target"])  # type: ignore[assignment]
    return small


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
