"""The command that prunes one network."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
)
from fairprune.cli.names import designs, names_of
from fairprune.cli.networks import Allocation, Criterion, Granularity, Network, Option, Weights, built
from fairprune.cli.options import AsJson, DataRoot
from fairprune.cli.printing import console
from fairprune.cli.shipping import print_shipped, shipped

if TYPE_CHECKING:
    from torch import Tensor

    from fairprune.data.split import Data
    from fairprune.spec import Target

BATCH = 128  # calibration images at once
NONE = (("none", "nothing is mended"),)

Ratios = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME|PATTERN=FRACTION",
        help="Fractions REMOVED of layers, repeatable, or a predefined network's (resnet56_a). Without a target "
        "they hold as they are.",
        autocompletion=designs,
    ),
]
Repair = Annotated[
    str | None,
    typer.Option(
        help="What mends the layers afterwards, or none; default: the criterion's. See `fairprune ls repair`.",
        autocompletion=names_of("repair", more=NONE),
    ),
]


def prune(
    network: Network,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the pruned network goes (safetensors).")],
    weights: Weights = None,
    criterion: Criterion = "l1_norm",
    speedup: Annotated[float | None, typer.Option(help="Multiply-adds, dense over pruned.")] = None,
    compression: Annotated[float | None, typer.Option(help="Parameters, dense over pruned.")] = None,
    ratio: Annotated[float | None, typer.Option(help="Fraction of units REMOVED.")] = None,
    granularity: Granularity = None,
    allocation: Allocation = None,
    ratios: Ratios = None,
    round_to: Annotated[
        int, typer.Option(min=1, help="Widths in multiples: 8 is what many runtimes are fastest at.")
    ] = 1,
    steps: Annotated[
        int | None, typer.Option(min=1, help="How often it scores and removes; default: the criterion's.")
    ] = None,
    repair: Repair = None,
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
    onnx: Annotated[
        Path | None,
        typer.Option(help="Export it as ONNX as well, checked in onnxruntime (pip install fairprune[onnx])."),
    ] = None,
    latency: Latency = False,
    batches: Batches = None,
    seconds: Seconds = 3.0,
    threads: Threads = 0,
    device: Device = "cpu",
    channels_last: ChannelsLast = False,
    precision: Precision = "fp32",
    as_json: AsJson = False,
) -> None:
    """Prune one network to a target and save it, physically smaller. It will want retraining.

    Example: `fairprune prune resnet20 --weights base.safetensors --speedup 2 -o small.safetensors`

    With images to look at: `fairprune prune resnet20 --criterion taylor --data cifar10 --ratio 0.5 -o x.safetensors`

    Measured, and for other runtimes: `fairprune prune resnet20 --speedup 2 -o x.safetensors --latency --onnx x.onnx`
    """
    import fairprune as fp
    from fairprune.networks.checkpoint import load_checkpoint

    target, amounts = _target(speedup, compression, ratio, ratios), _ratios(ratios)
    asked = conditions_of(batches, seconds, threads, device, channels_last, precision) if latency else None
    _check_places(output, onnx)
    seen = _data(data, data_root, criterion, repair)
    shape = shape or (",".join(map(str, seen.shape)) if seen else "3,32,32")
    dense, example = built(network, shape, classes or (seen.classes if seen else 10), options)
    if seen:
        _check_images(seen, example, classes or seen.classes)
    if weights:
        load_checkpoint(dense, weights)
    with _blaming(network, criterion, repair):
        small = fp.prune(
            dense,
            example,
            criterion=criterion,
            target=target,
            granularity=granularity,
            allocation=allocation,
            ratios=amounts,
            round_to=round_to,
            steps=steps,
            repair=repair,
            spare=tuple(spare or ("classifier",)),
            data=_images(seen, samples) if seen else None,
        )
    fp.save(small, output)
    done = shipped(dense, small, example, asked, onnx)
    if as_json:
        typer.echo(json.dumps(done.to_json(), indent=2))
        return
    print_shipped(done, f"the closest possible to {target or 'these ratios'}", trained=weights is not None)
    console().print(str(output))


@contextmanager
def _blaming(*components: str | None) -> Iterator[None]:
    """What goes wrong inside components of the user's own is told in one line, with its place."""
    from fairprune.errors import FairpruneError, PruneError, located

    own = [name for name in components if name and ":" in name]
    try:
        yield
    except FairpruneError:
        raise
    except Exception as error:
        if not own:
            raise
        raise PruneError(f"{' or '.join(own)} failed: {located(error)}") from error


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


def _check_places(output: Path, onnx: Path | None) -> None:
    """Raise before any work what would keep the files from being written after it."""
    from fairprune.errors import SpecError
    from fairprune.files import check_place

    for path in (output, *([onnx] if onnx else [])):
        check_place(path)
    if onnx and onnx.absolute() == output.absolute():
        raise SpecError(f"{onnx} cannot be both the pruned network and its ONNX file: expected two names")


def _check_images(data: Data, example: Tensor, classes: int) -> None:
    """Raise DataError for images that are not what the network was built for."""
    from fairprune.errors import DataError

    shape, name = tuple(example.shape[1:]), data.name
    if shape != data.shape or classes != data.classes:
        images = f"{','.join(map(str, data.shape))} in {data.classes} classes"
        raise DataError(f"images of {name} are {images}, not {','.join(map(str, shape))} in {classes}: see --shape")


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
