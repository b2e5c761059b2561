"""Commands about components and single networks: ls, cost, prune, check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fairprune.cli import EXIT_FINDINGS
from fairprune.cli.options import AsJson

if TYPE_CHECKING:
    from torch import Tensor, nn

Listed = Literal["methods", "criterion", "training", "repair", "allocation", "network", "dataset", "objective"]
Network = Annotated[str, typer.Argument(help="A network's name, or module:factory of your own.", metavar="NETWORK")]
Shape = Annotated[str, typer.Option("--shape", help="Channels, height and width of an input.")]
Classes = Annotated[int, typer.Option("--classes", help="Number of outputs.")]
Option = Annotated[
    list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="An option of the factory; repeatable.")
]


def ls(
    kind: Annotated[
        Listed | None,
        typer.Argument(help="A kind of component; methods: papers, needs and costs of all that prune."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what ships: criteria, trainings, repairs, allocations, networks, data sets, objectives; or all methods.

    Example: `fairprune ls methods`
    """
    from fairprune.cli.printing import print_table
    from fairprune.registry import BUILTIN

    if kind == "methods":
        _methods(as_json)
        return
    kinds = [kind] if kind else list(BUILTIN)
    if as_json:
        listed = {
            k: [{"name": e.name, "version": e.version, "summary": e.summary} for e in BUILTIN[k].values()]
            for k in kinds
        }
        typer.echo(json.dumps(listed, indent=2))
        return
    print_table(("kind ", "name ", "what it is "), [(k, e.name, e.summary) for k in kinds for e in BUILTIN[k].values()])


def _methods(as_json: bool) -> None:
    """The table of docs/methods.md. What is told of each method beyond it, only the JSON has."""
    from fairprune.catalogue import KINDS, catalogue
    from fairprune.cli.printing import console, print_table

    methods = catalogue()
    if as_json:
        typer.echo(json.dumps({"methods": [method.to_json() for method in methods]}, indent=2))
        return
    for kind in KINDS:  # three columns, so that names stay whole where a terminal is narrow
        print_table(
            (f"{kind} ", "paper ", "units: needs; cost in the ledger "),
            [
                (m.name, m.paper, f"{', '.join(m.granularities)}: {', '.join(m.needs)}; cost {m.cost}")
                for m in methods
                if m.kind == kind
            ],
        )
        console().print()


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

    built, example = _build(network, shape, classes, options)
    counted = count(built, example)
    if as_json:
        layers = [
            {"name": x.name, "kind": x.kind, "parameters": x.params, "multiply_adds": x.macs} for x in counted.layers
        ]
        total = {"parameters": counted.params, "multiply_adds": counted.macs, "layers": layers}
        typer.echo(json.dumps(total, indent=2))
    else:
        print_cost(counted)


def prune(
    network: Network,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the pruned network goes (safetensors).")],
    weights: Annotated[
        Path | None, typer.Option(help="Trained weights: safetensors, or a torch file of tensors.")
    ] = None,
    criterion: Annotated[str, typer.Option(help="How units are ranked; see `fairprune ls criterion`.")] = "l1_norm",
    speedup: Annotated[float | None, typer.Option(help="Multiply-adds, dense over pruned.")] = None,
    compression: Annotated[float | None, typer.Option(help="Parameters, dense over pruned.")] = None,
    ratio: Annotated[float | None, typer.Option(help="Fraction of units REMOVED.")] = None,
    granularity: Annotated[Literal["channel", "weight"] | None, typer.Option(help="What is removed.")] = None,
    allocation: Annotated[
        str | None, typer.Option(help="global or uniform; default: uniform for channels, global for weights.")
    ] = None,
    spare: Annotated[list[str] | None, typer.Option(help="Pattern of layers to spare; repeatable.")] = None,
    shape: Shape = "3,32,32",
    classes: Classes = 10,
    options: Option = None,
    as_json: AsJson = False,
) -> None:
    """Prune one network to a target and save it, physically smaller. It will want retraining.

    Example: `fairprune prune resnet20 --weights base.safetensors --speedup 2 -o small.safetensors`
    """
    import fairprune as fp
    from fairprune.cli.printing import console, print_table
    from fairprune.errors import SpecError
    from fairprune.networks.checkpoint import load_checkpoint

    wanted = [t for t in (speedup and fp.speedup(speedup), compression and fp.compression(compression)) if t]
    wanted += [fp.ratio(ratio)] if ratio is not None else []
    if len(wanted) != 1:
        raise SpecError("expected exactly one target: --speedup, --compression or --ratio")
    built, example = _build(network, shape, classes, options)
    if weights:
        load_checkpoint(built, weights)
    small = fp.prune(
        built,
        example,
        criterion=criterion,
        target=wanted[0],
        granularity=granularity,
        allocation=allocation,
        spare=tuple(spare or ("classifier",)),
    )
    fp.save(small, output)
    done = small.fairprune
    assert isinstance(done, fp.Pruned)
    if not as_json:
        print_table(("group ", "kept", "of"), [(name, kept, size) for name, (kept, size) in done.kept.items()])
        console().print(
            f"\n{done.dense.params:,} -> {done.small.params:,} parameters ({done.compression:.2f}x), "
            f"{done.dense.macs:,} -> {done.small.macs:,} multiply-adds (theoretical speedup {done.speedup:.2f}x)"
            + ("" if done.on_target else f"\nthe closest possible to {wanted[0]}")
            + ("" if weights else "\nno --weights given: the network was pruned at its initialisation")
            + f"\n{output}"
        )
        return
    totals = {
        "parameters": [done.dense.params, done.small.params],
        "multiply_adds": [done.dense.macs, done.small.macs],
        "compression": done.compression,
        "speedup": done.speedup,
        "on_target": done.on_target,
        "kept": {name: list(kept) for name, kept in done.kept.items()},
    }
    typer.echo(json.dumps(totals, indent=2))


def check(
    criterion: Annotated[str, typer.Argument(help="module:criterion of your own, or a criterion's name.")],
    as_json: AsJson = False,
) -> None:
    """Run the conformance suite on a criterion: shapes, finite scores, network untouched, same seed same scores ...

    Example: `fairprune check my_file:my_criterion`
    """
    from fairprune import registry
    from fairprune.cli.printing import print_table
    from fairprune.conformance.criterion import check_criterion
    from fairprune.errors import SpecError
    from fairprune.pruning.criterion import Criterion

    found = registry.load("criterion", criterion, Path.cwd())
    if not isinstance(found, Criterion):
        raise SpecError(
            f"{criterion} is {type(found).__name__}, expected a function decorated with @fairprune.criterion"
        )
    results = check_criterion(found)
    if as_json:
        rows = [{"name": r.name, "passed": r.passed, "detail": r.detail} for r in results]
        typer.echo(json.dumps(rows, indent=2))
    else:
        print_table(
            ("check ", "passed ", "detail "), [(r.name, "yes" if r.passed else "NO", r.detail) for r in results]
        )
    if not all(r.passed for r in results):
        raise typer.Exit(EXIT_FINDINGS)


def _build(network: str, shape: str, classes: int, options: list[str] | None) -> tuple[nn.Module, Tensor]:
    import tomllib

    import torch

    from fairprune.errors import SpecError
    from fairprune.networks.build import build
    from fairprune.spec import NetworkSpec

    try:
        channels, height, width = (int(part) for part in shape.split(","))
    except ValueError:
        raise SpecError(f"--shape {shape}: expected channels,height,width, e.g. 3,32,32") from None
    values = {}
    for option in options or ():
        key, equals, raw = option.partition("=")
        if not equals:
            raise SpecError(f"--option {option}: expected key=value")
        try:
            values[key] = tomllib.loads(f"value = {raw}")["value"]
        except tomllib.TOMLDecodeError:
            values[key] = raw
    built = build(NetworkSpec(name=network, options=values), (channels, height, width), classes, Path.cwd())
    return built, torch.zeros(1, channels, height, width)
