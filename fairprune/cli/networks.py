"""The command that counts what a network costs, and networks as options of commands describe them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairprune.cli.names import names_of
from fairprune.cli.options import AsJson

if TYPE_CHECKING:
    from torch import Tensor, nn

Network = Annotated[
    str,
    typer.Argument(
        help="A network's name, or module:factory of your own.", metavar="NETWORK", autocompletion=names_of("network")
    ),
]
Shape = Annotated[str, typer.Option("--shape", help="Channels, height and width of an input.")]
Classes = Annotated[int, typer.Option("--classes", help="Number of outputs.")]
Option = Annotated[
    list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="An option of the factory; repeatable.")
]


def cost(
    network: Network,
    shape: Shape = "3,32,32",
    classes: Classes = 10,
    options: Option = None,
    as_json: AsJson = False,
) -> None:
    """Parameters and multiply-adds of every layer of a network, for one sample.

    Example: `fairprune cost resnet56 --shape 3,32,32 --classes 10`
    """
    from fairprune.cli.printing import print_cost
    from fairprune.measure.cost import count

    whole, example = built(network, shape, classes, options)
    counted = count(whole, example)
    if as_json:
        layers = [
            {"name": x.name, "kind": x.kind, "parameters": x.params, "multiply_adds": x.macs} for x in counted.layers
        ]
        total = {"parameters": counted.params, "multiply_adds": counted.macs, "layers": layers}
        typer.echo(json.dumps(total, indent=2))
    else:
        print_cost(counted)


def built(network: str, shape: str, classes: int, options: list[str] | None) -> tuple[nn.Module, Tensor]:
    """The network that options of the command describe, and an input for it."""
    import torch

    from fairprune.errors import SpecError
    from fairprune.networks.build import build
    from fairprune.spec import NetworkSpec
    from fairprune.study import toml_value

    try:
        channels, height, width = (int(part) for part in shape.split(","))
    except ValueError:
        raise SpecError(f"--shape {shape}: expected channels,height,width, e.g. 3,32,32") from None
    values = {}
    for option in options or ():
        key, equals, raw = option.partition("=")
        if not equals:
            raise SpecError(f"--option {option}: expected key=value")
        values[key] = toml_value(raw)
    made = build(NetworkSpec(name=network, options=values), (channels, height, width), classes, Path.cwd())
    return made, torch.zeros(1, channels, height, width)
