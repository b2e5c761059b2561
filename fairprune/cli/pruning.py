"""The command that prunes one network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fairprune.cli.names import designs, names_of
from fairprune.cli.networks import Network, Option, built
from fairprune.cli.options import AsJson, DataRoot

if TYPE_CHECKING:
    from torch import Tensor

    from fairprune.data.split import Data
    from fairprune.pruned import Pruned
    from fairprune.spec import Target

BATCH = 128  # calibration images at once
NONE = (("none", "nothing is mended"),)


def prune(
    network: Network,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the pruned network goes (safetensors).")],
    weights: Annotated[
        Path | None, typer.Option(help="Trained weights: safetensors, or a torch file of tensors.")
    ] = None,
    criterion: Annotated[
        str,
        typer.Option(help="How units are ranked; see `fairprune ls criterion`.", autocompletion=names_of("criterion")),
    ] = "l1_norm",
    speedup: Annotated[float | None, typer.Option(help="Multiply-adds, dense over pruned.")] = None,
    compression: Annotated[float | None, typer.Option(help="Parameters, dense over pruned.")] = None,
    ratio: Annotated[float | None, typer.Option(help="Fraction of units REMOVED.")] = None,
    granularity: Annotated[
        Literal["weight", "channel", "block"] | None, typer.Option(help="What is removed; default: the criterion's.")
    ] = None,
    allocation: Annotated[
        str | None,
        typer.Option(
            help="How much each layer loses: global, uniform, erk, balanced; default: the criterion's, else uniform "
            "for channels and global for weights and blocks.",
            autocompletion=names_of("allocation"),
        ),
    ] = None,
    ratios: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|PATTERN=FRACTION",
            help="Fractions REMOVED of layers, repeatable, or a predefined network's (resnet56_a). Without a target "
            "they hold as they are.",
            autocompletion=designs,
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="How often it scores and removes; default: the criterion's.")
    ] = None,
    repair: Annotated[
        str | None,
        typer.Option(
            help="What mends the layers afterwards, or none; default: the criterion's. See `fairprune ls repair`.",
            autocompletion=names_of("repair", more=NONE),
        ),
    ] = None,
    spare: Annotated[list[str] | None, typer.Option(help="Pattern of layers to spare; repeatable.")] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="The data set whose training images criteria and repairs may look at.",
            autocompletion=names_of("dataset"),
        ),
    ] = None,
    data_root: DataRoot = None,
    samples: Annotated[int, typer.Option(min=1, help="How many of these images they see.")] = 512,
    shape: Annotated[
        str, typer.Option(help="Channels, height and width of an input; default: the data's, else 3,32,32.")
    ] = "",
    classes: Annotated[int | None, typer.Option(min=1, help="Number of outputs; default: the data's, else 10.")] = None,
    options: Option = None,
    as_json: AsJson = False,
) -> None:
    """Prune one network to a target and save it, physically smaller. It will want retraining.

    Example: `fairprune prune resnet20 --weights base.safetensors --speedup 2 -o small.safetensors`

    With images to look at: `fairprune prune resnet20 --criterion taylor --data cifar10 --ratio 0.5 -o x.safetensors`
    """
    import fairprune as fp
    from fairprune.networks.checkpoint import load_checkpoint

    target, amounts = _target(speedup, compression, ratio, ratios), _ratios(ratios)
    seen = _data(data, data_root, criterion, repair)
    shape = shape or (",".join(map(str, seen.shape)) if seen else "3,32,32")
    dense, example = built(network, shape, classes or (seen.classes if seen else 10), options)
    if weights:
        load_checkpoint(dense, weights)
    small = fp.prune(
        dense,
        example,
        criterion=criterion,
        target=target,
        granularity=granularity,
        allocation=allocation,
        ratios=amounts,
        steps=steps,
        repair=repair,
        spare=tuple(spare or ("classifier",)),
        data=_images(seen, samples) if seen else None,
    )
    fp.save(small, output)
    done = small.fairprune
    assert isinstance(done, fp.Pruned)
    _print(done, target, output, trained=weights is not None, as_json=as_json)


def _target(
    speedup: float | None, compression: float | None, ratio: float | None, ratios: list[str] | None
) -> Target | None:
    import fairprune as fp
    from fairprune.errors import SpecError

    asked = ((fp.speedup, speedup), (fp.compression, compression), (fp.ratio, ratio))
    wanted = [of(value) for of, value in asked if value is not None]
    if len(wanted) > 1 or not (wanted or ratios):
        raise SpecError("expected exactly one target: --speedup, --compression or --ratio (or none, and --ratios)")
    return wanted[0] if wanted else None


def _ratios(given: list[str] | None) -> Mapping[str, float] | str | None:
    from fairprune.errors import SpecError

    if not given or (len(given) == 1 and "=" not in given[0]):
        return given[0] if given else None
    found = {}
    for text in given:
        pattern, _, fraction = text.rpartition("=")
        try:
            found[pattern] = float(fraction)
        except ValueError:
            pattern = ""
        if not pattern:
            raise SpecError(f"--ratios {text}: expected PATTERN=FRACTION, or the name of one predefined network")
    return found


def _data(name: str | None, root: Path | None, criterion: str, repair: str | None) -> Data | None:
    """The data that may be looked at. Raises SpecError where there has to be some."""
    from fairprune import registry
    from fairprune.data.load import load_data
    from fairprune.errors import SpecError
    from fairprune.pruning.calibration import CALIBRATED
    from fairprune.spec import DataSpec

    if name:
        return load_data(DataSpec(name=name), root, Path.cwd())
    scoring = registry.load("criterion", criterion)
    looking = {"criterion": scoring}
    mending = getattr(scoring, "repair", "") if repair is None else repair
    if mending not in ("", "none"):
        looking["repair"] = registry.load("repair", mending)
    for kind, component in looking.items():
        needed = CALIBRATED.intersection(getattr(component, "needs", ()))
        if needed:
            raise SpecError(
                f"{kind} {component.name} looks at training images ({', '.join(sorted(needed))}): "
                "say of which data set, e.g. --data cifar10"
            )
    return None


def _images(data: Data, samples: int) -> list[tuple[Tensor, Tensor]]:
    """Batches of training images, not augmented, drawn without replacement."""
    import torch

    from fairprune import seeds
    from fairprune.data.batches import Loader

    loader = Loader(data.train, BATCH, torch.device("cpu"), data.mean, data.std)
    order = torch.randperm(len(data.train), generator=seeds.generator("calibration", 0))
    return list(loader.at(order[:samples]))


def _print(done: Pruned, target: Target | None, output: Path, *, trained: bool, as_json: bool) -> None:
    from fairprune.cli.printing import console, print_table

    if as_json:
        totals = {
            "parameters": [done.dense.params, done.small.params],
            "multiply_adds": [done.dense.macs, done.small.macs],
            "compression": done.compression,
            "speedup": done.speedup,
            "on_target": done.on_target,
            "kept": {name: list(kept) for name, kept in done.kept.items()},
        }
        typer.echo(json.dumps(totals, indent=2))
        return
    print_table(("group ", "kept", "of"), [(name, kept, size) for name, (kept, size) in done.kept.items()])
    console().print(
        f"\n{done.dense.params:,} -> {done.small.params:,} parameters ({done.compression:.2f}x), "
        f"{done.dense.macs:,} -> {done.small.macs:,} multiply-adds (theoretical speedup {done.speedup:.2f}x)"
        + ("" if done.on_target else f"\nthe closest possible to {target or 'these ratios'}")
        + ("" if trained else "\nno --weights given: the network was pruned at its initialisation")
        + f"\n{output}"
    )
