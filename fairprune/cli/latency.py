"""Measured latency on the command line: its options, how it is printed, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fairprune.cli.printing import bytes_of, console, print_table

if TYPE_CHECKING:
    from fairprune.measure.conditions import Conditions
    from fairprune.measure.filesize import FileSize
    from fairprune.measure.latency import Timed
    from fairprune.measure.timing import Estimate

Latency = Annotated[bool, typer.Option("--latency", help="Measure latency on this machine, networks in turn.")]
Batches = Annotated[
    list[int] | None, typer.Option("--batch", min=1, help="Batch size to measure at; repeatable; default: 1 and 128.")
]
Seconds = Annotated[float, typer.Option("--seconds", help="How long to measure at each batch size.")]
Threads = Annotated[
    int, typer.Option("--threads", min=0, max=1024, help="Threads to measure with; 0: as torch chooses.")
]
Device = Annotated[str, typer.Option("--device", help="Where to measure: cpu, cuda, cuda:1 ...")]
ChannelsLast = Annotated[bool, typer.Option("--channels-last", help="Measure in the layout with channels last.")]
Precision = Annotated[Literal["fp32", "bf16"], typer.Option("--precision", help="fp32, or autocast to bf16.")]

MASKED = "masked weights are zeros that are multiplied all the same: nothing becomes faster, whatever theory says"


def conditions_of(
    batches: list[int] | None,
    seconds: float,
    threads: int,
    device: str,
    channels_last: bool,
    precision: Literal["fp32", "bf16"],
) -> Conditions:
    """The conditions that options ask for. Raises SpecError for a device that cannot be used."""
    import torch

    from fairprune.errors import SpecError, brief
    from fairprune.measure.conditions import Conditions

    asked = Conditions(tuple(batches or (1, 128)), seconds, device, threads, channels_last, precision)
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise SpecError(f"device '{device}' cannot be used: {brief(error)}") from None
    return asked


def print_latency(timed: Sequence[Timed], where: str) -> None:
    """A line for each network and batch size, and under which conditions they hold."""
    rows = [_row(at, name) for at in timed for name in at.seconds]
    columns = ["network ", "batch", "latency", "throughput", "speedup", "memory"]
    shown = [i for i in range(len(columns)) if any(row[i] for row in rows)]
    print_table([columns[i] for i in shown], [[row[i] for i in shown] for row in rows])
    rounds = sorted({at.rounds for at in timed})
    span = f"{rounds[0]}" if len(rounds) == 1 else f"{rounds[0]} to {rounds[-1]}"
    console().print(f"\nmedians of {span} rounds in turn, 95 % intervals; memory: of activations; {where}")


def _row(at: Timed, name: str) -> list[str]:
    compared = len(at.seconds) > 1 and name != "dense"
    return [
        name,
        str(at.batch_size),
        milliseconds(at.latency(name)),
        f"{at.throughput(name):,.0f}/s" if at.throughput(name) >= 100 else f"{at.throughput(name):.3g}/s",
        times(at.speedup(name)) if compared else "",
        bytes_of(at.memory[name]) if name in at.memory else "",
    ]


def milliseconds(value: Estimate) -> str:
    """`8.43 ms [8.19, 8.86]`."""
    return f"{1000 * value.value:.3g} ms [{1000 * value.low:.3g}, {1000 * value.high:.3g}]"


def times(value: Estimate) -> str:
    """`1.35x [1.19, 1.49]`."""
    return f"{value.value:.3g}x [{value.low:.3g}, {value.high:.3g}]"


def latency_json(timed: Sequence[Timed], where: str) -> dict[str, Any]:
    """The same as plain values, in seconds and bytes."""
    sizes = [{"batch_size": at.batch_size, "rounds": at.rounds, "networks": _networks(at)} for at in timed]
    return {"conditions": where, "batch_sizes": sizes}


def _networks(at: Timed) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in at.seconds:
        taken = at.latency(name)
        found[name] = {
            "seconds": taken.value,
            "interval": [taken.low, taken.high],
            "quartiles": list(at.middle_half(name)),
            "throughput": at.throughput(name),
            **({"activation_bytes": at.memory[name]} if name in at.memory else {}),
        }
        if name != "dense":
            faster = at.speedup(name)
            found[name] |= {"speedup": faster.value, "speedup_interval": [faster.low, faster.high]}
    return found


def print_sizes(sizes: Mapping[str, FileSize]) -> None:
    """Files, dense against pruned; for masks what other files would need."""
    said = [f"{name} {bytes_of(size.plain)}" for name, size in sizes.items()]
    for size in sizes.values():
        if size.gzipped and size.sparse:
            said.append(f"compressed by gzip {bytes_of(size.gzipped)}")
            said.append(f"kept weights and one bit for each {bytes_of(size.sparse)}")
    console().print(f"files: {', '.join(said)}")


def sizes_json(sizes: Mapping[str, FileSize]) -> dict[str, Any]:
    """Bytes by network and kind of file."""
    return {name: {kind: size for kind, size in vars(found).items() if size} for name, found in sizes.items()}
