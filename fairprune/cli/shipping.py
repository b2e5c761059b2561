"""What became of a network that was pruned: what was removed, what it takes now, and what was exported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairprune.cli.latency import MASKED, latency_json, print_latency, print_sizes, sizes_json
from fairprune.cli.printing import bytes_of, console, print_table

if TYPE_CHECKING:
    from torch import Tensor, nn

    from fairprune.export import Exported
    from fairprune.measure.change import Change
    from fairprune.measure.conditions import Conditions
    from fairprune.measure.filesize import FileSize
    from fairprune.measure.latency import Timed
    from fairprune.pruned import Pruned


@dataclass(frozen=True)
class Shipped:
    """A pruned network, what it takes beside the dense one, measured where that was asked for."""

    done: Pruned
    changes: tuple[Change, ...]
    files: dict[str, FileSize]
    timed: tuple[Timed, ...] = ()
    exported: Exported | None = None
    timed_onnx: tuple[Timed, ...] = ()
    where: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values: pairs are before and after."""
        done = self.done
        found: dict[str, Any] = {
            "parameters": [done.dense.params, done.small.params],
            "multiply_adds": [done.dense.macs, done.small.macs],
            "compression": done.compression,
            "speedup": done.speedup,
            "ratio": done.ratio,
            "on_target": done.on_target,
            "kept": {name: list(kept) for name, kept in done.kept.items()},
            "layers": [
                {"name": c.name, "kind": c.kind, "parameters": list(c.params), "multiply_adds": list(c.macs)}
                for c in self.changes
            ],
            "file_bytes": sizes_json(self.files),
        }
        if self.timed:
            found["latency"] = latency_json(self.timed, self.where)
        if self.exported:
            found["onnx"] = {**vars(self.exported), "path": str(self.exported.path)}
            if self.timed_onnx:
                found["onnx"]["latency"] = latency_json(self.timed_onnx, self.where)
        return found


def shipped(
    dense: nn.Module, small: nn.Module, example: Tensor, conditions: Conditions | None, onnx: Path | None
) -> Shipped:
    """Compare a pruned network with the dense one; measure and export what is asked for."""
    from fairprune.export import compare_onnx, export_onnx, onnx_model
    from fairprune.measure.change import changes
    from fairprune.measure.cost import count
    from fairprune.measure.filesize import file_size
    from fairprune.measure.latency import compare_latency
    from fairprune.pruned import Pruned

    done = small.fairprune
    assert isinstance(done, Pruned)
    removed = changes(count(dense, example), count(small, example, done.masks))
    files = {"dense": file_size(dense), "pruned": file_size(small, done.masks)}
    timed = compare_latency({"dense": dense, "pruned": small}, example, conditions) if conditions else ()
    exported: Exported | None = None
    timed_onnx: tuple[Timed, ...] = ()
    if onnx:
        exported = export_onnx(small, example, onnx)
        if conditions:
            models = {"dense": onnx_model(dense, example), "pruned": onnx.read_bytes()}
            timed_onnx = compare_onnx(models, example, conditions)
    return Shipped(done, removed, files, timed, exported, timed_onnx, str(conditions or ""))


def print_shipped(shipped: Shipped, closest: str, *, trained: bool) -> None:
    """What was removed from groups and layers, what all of it costs now, and what was measured."""
    done = shipped.done
    groups = [(name, kept, size, f"{1 - kept / size:.1%}") for name, (kept, size) in done.kept.items()]
    print_table(("group ", "kept", "of", "removed"), groups)
    console().print()
    layers = [(c.name, *_pair(c.params), *_pair(c.macs)) for c in shipped.changes if any(c.macs)]
    print_table(("layer ", "parameters", "kept", "multiply-adds", "kept"), layers)
    console().print(
        f"\n{done}"
        + ("" if done.on_target else f"\n{closest}")
        + ("" if trained else "\nno --weights given: the network was pruned at its initialisation")
    )
    print_sizes(shipped.files)
    if done.masks:
        console().print(MASKED)
    if shipped.timed:
        console().print("\nrun by torch, operation by operation")
        print_latency(shipped.timed, shipped.where)
    if shipped.exported:
        _print_onnx(shipped.exported, shipped.timed_onnx)


def _print_onnx(exported: Exported, timed: tuple[Timed, ...]) -> None:
    if timed:
        console().print("\nrun by onnxruntime on the CPU, in fp32")
        print_latency(timed, "the same threads")
    console().print(
        f"{exported.path}: ONNX, {bytes_of(exported.bytes)}, any batch size; its outputs in onnxruntime are torch's to "
        f"within {exported.difference:.1g} of the largest"
    )


def _pair(values: tuple[int, int]) -> tuple[str, str]:
    before, after = values
    return f"{before:,}", f"{after:,}"
