"""What each ratio of units costs, on the command line: by counting, and measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fairprune.cli.latency import latency_json, times
from fairprune.cli.printing import console, print_table

if TYPE_CHECKING:
    from torch import Tensor, nn

    from fairprune.measure.conditions import Conditions
    from fairprune.measure.latency import Timed
    from fairprune.pruning.curve import Curve


def timed_along(network: nn.Module, curve: Curve, example: Tensor, conditions: Conditions) -> tuple[Timed, ...]:
    """The dense network and that of every point in turn."""
    from fairprune.measure.latency import compare_latency
    from fairprune.pruning.apply import pruned

    small = {f"{point.ratio:g}": pruned(network, curve.plan(point)) for point in curve.points}
    return compare_latency({"dense": network, **small}, example, conditions)


def print_curve(curve: Curve, timed: Sequence[Timed], wanted: Sequence[float]) -> None:
    """A line for each ratio, and the ratios that reach the speedups wanted."""
    rows = [
        (
            f"{point.ratio:g}",
            f"{curve.compression(point):.2f}x",
            f"{curve.speedup(point):.2f}x",
            *(times(at.speedup(f"{point.ratio:g}")) for at in timed),
        )
        for point in curve.points
    ]
    print_table(
        ("ratio removed", "compression", "speedup", *(f"measured, batch {at.batch_size}" for at in timed)), rows
    )
    console().print("\nspeedup: multiply-adds, dense over kept, which is theoretical")
    for value in wanted:
        console().print("; ".join(_reached(curve, timed, value)))


def _reached(curve: Curve, timed: Sequence[Timed], value: float) -> Iterator[str]:
    from fairprune.errors import PruneError
    from fairprune.pruning.curve import crossing
    from fairprune.spec import Target

    try:
        choice = curve.reaching(Target(axis="speedup", value=value))
        yield f"{value:g}x fewer multiply-adds: ratio {1 - choice.keep:.4g} ({choice.achieved:.2f}x)"
    except PruneError as error:
        yield str(error)
    ratios = [point.ratio for point in curve.points]
    for at in timed:
        measured = [at.speedup(f"{ratio:g}").value for ratio in ratios]
        found = crossing(ratios, measured, value)
        said = f"about ratio {found:.2f}" if found is not None else f"not reached up to ratio {ratios[-1]:g}"
        yield f"measured {value:g}x, batch {at.batch_size}: {said}"


def curve_json(curve: Curve, timed: Sequence[Timed], where: str) -> dict[str, Any]:
    """The same as plain values."""
    points = [
        {
            "ratio": point.ratio,
            "parameters": point.size.params,
            "multiply_adds": point.size.macs,
            "compression": curve.compression(point),
            "speedup": curve.speedup(point),
            "kept": {group: [number, curve.sizes[group]] for group, number in point.counts.items()},
        }
        for point in curve.points
    ]
    return {"curve": points, **({"latency": latency_json(timed, where)} if timed else {})}
