"""The command that says what a network costs, and networks as options of commands describe them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fairprune.cli.latency import (
    Batches,
    ChannelsLast,
    Device,
    Latency,
    Precision,
    Seconds,
    Threads,
    conditions_of,
    latency_json,
    print_latency,
    print_sizes,
)
from fairprune.cli.names import names_of
from fairprune.cli.options import AsJson
from fairprune.cli.printing import console

if TYPE_CHECKING:
    from torch import Tensor, nn

    from fairprune.measure.conditions import Conditions
    from fairprune.measure.cost import Cost
    from fairprune.measure.latency import Timed

Network = Annotated[
    str,
    typer.Argument(
        help="A network's name, or module:factory of your own.", metavar="NETWORK", autocompletion=names_of("network")
    ),
]
Shape = Annotated[str, typer.Option("--shape", help="Channels, height and width of an input.")]
Classes = Annotated[int, typer.Option("--classes", help="Number of outputs.")]
Weights = Annotated[Path | None, typer.Option(help="Trained weights: safetensors, or a torch file of tensors.")]
Criterion = Annotated[
    str, typer.Option(help="How units are ranked; see `fairprune ls criterion`.", autocompletion=names_of("criterion"))
]
Granularity = Annotated[
    Literal["weight", "channel", "block"] | None, typer.Option(help="What is removed; default: the criterion's.")
]
Allocation = Annotated[
    str | None,
    typer.Option(
        help="How much each layer loses: global, uniform, erk, balanced; default: the criterion's, else uniform "
        "for channels and global for weights and blocks.",
        autocompletion=names_of("allocation"),
    ),
]
Option = Annotated[
    list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="An option of the factory; repeatable.")
]


def cost(
    network: Network,
    shape: Shape = "3,32,32",
    classes: Classes = 10,
    options: Option = None,
    weights: Weights = None,
    along: Annotated[
        bool, typer.Option("--curve", help="What each ratio of units removed costs, instead of each layer.")
    ] = False,
    speedups: Annotated[
        list[float] | None, typer.Option("--speedup", help="Which ratio gives it, with --curve; repeatable; default 2.")
    ] = None,
    criterion: Criterion = "l1_norm",
    granularity: Granularity = None,
    allocation: Allocation = None,
    latency: Latency = False,
    batches: Batches = None,
    seconds: Seconds = 3.0,
    threads: Threads = 0,
    device: Device = "cpu",
    channels_last: ChannelsLast = False,
    precision: Precision = "fp32",
    as_json: AsJson = False,
) -> None:
    """Parameters and multiply-adds of every layer of a network, for one sample; how long it takes on this machine.

    Example: `fairprune cost resnet56 --shape 3,32,32 --classes 10 --latency`

    Which ratio makes it twice as fast: `fairprune cost resnet56 --curve --speedup 2 --latency`
    """
    from fairprune.networks.checkpoint import load_checkpoint

    whole, example = built(network, shape, classes, options)
    if weights:
        load_checkpoint(whole, weights)
    asked = conditions_of(batches, seconds, threads, device, channels_last, precision) if latency else None
    if along or speedups:
        how = {"criterion": criterion, "granularity": granularity, "allocation": allocation}
        _show_curve(whole, example, how, speedups or [2.0], asked, as_json=as_json)
    else:
        _show_layers(whole, example, asked, as_json=as_json)


def _show_layers(network: nn.Module, example: Tensor, asked: Conditions | None, *, as_json: bool) -> None:
    from fairprune.cli.printing import print_cost
    from fairprune.measure.cost import count
    from fairprune.measure.filesize import file_size
    from fairprune.measure.latency import compare_latency
    from fairprune.measure.layers import layer_seconds

    counted = count(network, example)
    timed = compare_latency({"dense": network}, example, asked) if asked else ()
    spent = {at.batch_size: layer_seconds(network, example, at.batch_size, asked) for at in timed if asked}
    if as_json:
        typer.echo(json.dumps(_layers_json(counted, timed, spent, str(asked)), indent=2))
        return
    print_cost(counted, spent)
    if timed:
        console().print()
        print_latency(timed, str(asked))
        print_sizes({"dense": file_size(network)})


def _layers_json(
    counted: Cost, timed: Sequence[Timed], spent: Mapping[int, Mapping[str, float]], where: str
) -> dict[str, Any]:
    layers = [
        {
            **{"name": layer.name, "kind": layer.kind, "parameters": layer.params, "multiply_adds": layer.macs},
            **({"seconds": {size: taken.get(layer.name) for size, taken in spent.items()}} if timed else {}),
        }
        for layer in counted.layers
    ]
    total = {"parameters": counted.params, "multiply_adds": counted.macs, "layers": layers}
    return total | ({"latency": latency_json(timed, where)} if timed else {})


def _show_curve(
    network: nn.Module,
    example: Tensor,
    how: Mapping[str, Any],
    wanted: Sequence[float],
    asked: Conditions | None,
    *,
    as_json: bool,
) -> None:
    import fairprune as fp
    from fairprune.cli.curves import curve_json, print_curve, timed_along
    from fairprune.pruning.target import check_target

    for value in wanted:
        check_target(fp.speedup(value))
    curve = fp.cost_curve(network, example, **how)
    timed = timed_along(network, curve, example, asked) if asked else ()
    if as_json:
        typer.echo(json.dumps(curve_json(curve, timed, str(asked)), indent=2))
        return
    print_curve(curve, timed, wanted)
    if timed:
        console().print(f"measured in turn, medians over {timed[0].rounds} rounds or more, 95 % intervals; {asked}")


def built(network: str, shape: str, classes: int, options: list[str] | None) -> tuple[nn.Module, Tensor]:
    """The network that options of the command describe, and an input for it."""
    import torch

    from fairprune.errors import SpecError
    from fairprune.networks.build import build
    from fairprune.spec import NetworkSpec

    try:
        channels, height, width = (int(part) for part in shape.split(","))
        if min(channels, height, width) < 1:
            raise ValueError
    except ValueError:
        raise SpecError(f"--shape {shape}: expected channels,height,width, e.g. 3,32,32") from None
    values = key_values("--option", options)
    made = build(NetworkSpec(name=network, options=values), (channels, height, width), classes, Path.cwd())
    return made, torch.zeros(1, channels, height, width)


def key_values(option: str, given: Iterable[str] | None) -> dict[str, Any]:
    """What a repeated option says, as KEY=VALUE each time; values in TOML syntax, or bare strings."""
    from fairprune.errors import SpecError
    from fairprune.study import toml_value

    values = {}
    for text in given or ():
        key, equals, raw = text.partition("=")
        if not equals:
            raise SpecError(f"{option} {text}: expected key=value")
        values[key] = toml_value(raw)
    return values
