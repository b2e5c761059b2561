"""Files of dense networks and their accuracies on ImageNet: EfficientNet's table, and collections of weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairprune.corpus.importers.blalock.names import names
from fairprune.corpus.importers.reading import Line, read_csv
from fairprune.corpus.importers.units import percent, rounded
from fairprune.corpus.tables import Note, Part


@dataclass(frozen=True)
class Zoo:
    """A file: the paper or collection it stands for, its columns, and the names that mean something else in it.

    `scale`: what parameters are divided by to be millions. `parts`: accuracies are fractions. `doubted`: networks
    whose operations are left out, and why.
    """

    file: str
    origin: str
    paper: Mapping[str, Any]
    top1: str
    top5: str
    params: str | None = None
    scale: float = 1
    flops: str | None = None
    version: str | None = None
    parts: bool = False
    called: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    doubted: Mapping[str, str] = field(default_factory=dict)


_SHIFTED = "the counts of DenseNet-161, -169 and -201 stand in each other's rows: of 7.73, 3.36 and 4.29 G"
ZOOS = (
    Zoo(
        "efficientnet/efficientnet-models-summary.csv",
        "tan-2019",
        {
            "title": "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
            "first_author": "Tan",
            "year": 2019,
            "venue": "ICML",
            "url": "https://arxiv.org/abs/1905.11946",
        },
        *("Top1", "Top5", "MParams"),
        flops="GFLOPS",
        called={"ResNeXt-101": "ResNeXt-101 (64x4d)"},
        notes=("its counts of operations are multiply-adds: ResNet-50 has 4.1 G",),
    ),
    Zoo(
        "pytorch-pretrained/ModelsComparison.csv",
        "bianco-2018",
        {
            "title": "Benchmark Analysis of Representative Deep Neural Network Architectures",
            "first_author": "Bianco",
            "year": 2018,
            "venue": "IEEE Access",
            "url": "https://arxiv.org/abs/1810.00736",
        },
        *("Top-1 (%)", "Top-5 (%)", "# Parameters", 1e6),
        flops="FLOPs",
        called={"AlexNet": "alexnet-torchvision"},
        notes=("its counts of operations are multiply-adds, in 10^9: ResNet-50 has 4.09",),
        doubted=dict.fromkeys(("DenseNet-161 (k=48)", "DenseNet-169 (k=32)", "DenseNet-201 (k=32)"), _SHIFTED),
    ),
    Zoo(
        "pytorch-pretrained/accuracies-summary.csv",
        "cadene-2017",
        {
            "title": "Pretrained models for PyTorch",
            "first_author": "Cadene",
            "year": 2017,
            "url": "https://github.com/Cadene/pretrained-models.pytorch",
        },
        *("Acc@1", "Acc@5"),
        version="Version",
        called={"Alexnet": "alexnet-torchvision"},
    ),
    Zoo(
        "keras/keras-models-summary.csv",
        "keras-2019",
        {
            "title": "Keras Applications",
            "first_author": "Chollet",
            "year": 2019,
            "url": "https://github.com/keras-team/keras-applications",
        },
        *("Top-1 Accuracy", "Top-5 Accuracy", "Parameters", 1e6),
        parts=True,
        called={"ResNeXt-101": "ResNeXt-101 (32x4d)"},
        notes=("Keras counts the statistics of batch norms among the parameters",),
    ),
)


def part(zoo: Zoo, folder: Path) -> Part:
    """Every network of a file as a dense result. Raises CorpusError where it is missing, or cannot be read."""
    needed = [name for name in ("Model", zoo.top1, zoo.top5, zoo.params, zoo.flops, zoo.version) if name]
    lines = read_csv(folder / zoo.file, needed)
    notes = [Note(Path(zoo.file).name, None, "interpreted", text) for text in zoo.notes]
    notes += [line.left_out("flops_g", zoo.doubted[line["Model"]]) for line in lines if line["Model"] in zoo.doubted]
    paper = {"key": zoo.origin, "pruning": False, **zoo.paper}
    return Part(zoo.origin, {"papers": [paper], "results": [_row(zoo, line) for line in lines]}, tuple(notes))


def models(zoo: Zoo, folder: Path) -> list[str]:
    """The names of its networks, as networks.toml has them."""
    return [zoo.called.get(line["Model"], line["Model"]) for line in read_csv(folder / zoo.file, ["Model"])]


def _row(zoo: Zoo, line: Line) -> dict[str, Any]:
    model, version = line["Model"], line[zoo.version] if zoo.version else None
    params = line.number_in(zoo.params) if zoo.params else None
    flops = line.number_in(zoo.flops) if zoo.flops and model not in zoo.doubted else None
    top1, top5 = line.number_of(zoo.top1), line.number_of(zoo.top5)
    return {
        "key": "/".join(part for part in (zoo.origin, model, version) if part),
        "paper": zoo.origin,
        "source": ", ".join(part for part in (f"{Path(zoo.file).name} row {model}", version) if part),
        "transcribed_by": "Blalock et al. 2020",
        "kind": "dense",
        "variant": version,
        "dataset": "imagenet",
        "network": names("networks").key(zoo.called.get(model, model)),
        "top1": percent(top1) if zoo.parts else top1,
        "top5": percent(top5) if zoo.parts else top5,
        "params_m": None if params is None else rounded(params / zoo.scale),
        "flops_g": flops,
        "flops_unit": None if flops is None else "macs",
    }
