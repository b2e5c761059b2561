"""The raw accuracies of Tanaka et al. 2020 (arXiv 2006.05467): methods that prune networks before they are trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fairprune.corpus.importers.reading import Line, header_of, read_csv, read_rows
from fairprune.corpus.tables import Corpus, Note, Part
from fairprune.errors import CorpusError, unknown

WHAT = "the CSV of Tanaka et al. 2020 (dataset, network, method, compression, replicate, top1)"
ORIGIN = "tanaka-2020"
COLUMNS = ("dataset", "network", "method", "compression", "replicate", "top1")

_PAPERS = (
    {
        "key": "tanaka-2020",
        "title": "Pruning neural networks without any data by iteratively conserving synaptic flow",
        "first_author": "Tanaka",
        "year": 2020,
        "month": 6,
        "venue": "NeurIPS",
        "url": "https://arxiv.org/abs/2006.05467",
        "pruning": True,
    },
    {
        "key": "wang-2020",
        "title": "Picking Winning Tickets Before Training by Preserving Gradient Flow",
        "first_author": "Wang",
        "year": 2020,
        "month": 2,
        "venue": "ICLR",
        "url": "https://arxiv.org/abs/2002.07376",
        "pruning": True,
    },
)
_METHODS = (
    {"key": "tanaka-2020", "name": "SynFlow", "paper": "tanaka-2020", "component": "synflow"},
    {"key": "wang-2020", "name": "GraSP", "paper": "wang-2020", "component": "grasp"},
    {
        "key": "magnitude-at-initialisation",
        "name": "Magnitude at initialisation",
        "aliases": ["Mag"],
        "component": "magnitude",
    },
    {"key": "random-at-initialisation", "name": "Random at initialisation", "component": "random"},
)
_CALLED = {
    "SynFlow": "tanaka-2020",
    "GraSP": "wang-2020",
    "SNIP": "SNIP",
    "magnitude at initialisation": "magnitude-at-initialisation",
    "random": "random-at-initialisation",
}
_COMPARED = ("SNIP", "wang-2020")
_DATASETS = {"CIFAR-10": "cifar-10", "CIFAR-100": "cifar-100", "Tiny ImageNet": "tiny-imagenet"}
_VGG = "for CIFAR: batch norm, average pooling, one linear layer"
_TINY_VGG = "images of 64 x 64, batch norm, three linear layers"
_SAME = "the released code builds ResNet-18 for this name too, and the dense accuracies are the same"
_NETWORKS = {
    "lottery_vgg11_bn": ("VGG-11 (OpenLTH)", _VGG),
    "lottery_vgg16_bn": ("VGG-16 (OpenLTH)", _VGG),
    "tiny_resnet18": ("ResNet-18 (CIFAR)", "a 3 x 3 stem without pooling, four stages from 64 channels"),
    "tiny_wide_resnet18": ("Wide ResNet-18 (CIFAR)", _SAME),
    "vgg11_bn": ("VGG-11 (Tiny ImageNet)", _TINY_VGG),
    "vgg16_bn": ("VGG-16 (Tiny ImageNet)", _TINY_VGG),
    "resnet18": ("ResNet-18 (Tiny ImageNet)", "images of 64 x 64"),
    "wide_resnet18": ("Wide ResNet-18 (Tiny ImageNet)", _SAME),
}
_ON_CIFAR: Mapping[str, Any] = {
    "retrain_epochs": 160.0,
    "retrain_schedule": "0:1e-1,60:1e-2,120:1e-3 total:160",
    "optimizer": "sgd",
    "weight_decay": 1e-4,
    "batch_size": 128,
}
_BEFORE_TRAINING: Mapping[str, Any] = {
    "pretrain_epochs": 0.0,
    "pretrain_schedule": "none",
    "prune_epochs": 0.0,
    "prune_schedule": "none",
}


def recognises(path: Path) -> bool:
    """Whether it is a table with these columns and no others."""
    return path.is_file() and header_of(path) == COLUMNS


def read(path: Path, corpus: Corpus) -> Sequence[Part]:  # noqa: ARG001 its data sets and SNIP are referred to by key
    """Every replicate as a row. Rows with other names than the paper's are left out."""
    found, unread = read_rows(read_csv(path, COLUMNS), _row)
    networks = [{"key": _network(name), "name": called[0], "about": called[1]} for name, called in _NETWORKS.items()]
    return (
        Part(
            ORIGIN,
            {
                "papers": _PAPERS,
                "methods": _METHODS,
                "networks": networks,
                "results": [row for _, row in found],
                "comparisons": [{"paper": ORIGIN, "compared_to": other} for other in _COMPARED],
            },
            (*_notes(path.name), *unread),
            {("results", (row["key"],)): line.place for line, row in found},
        ),
    )


def _row(line: Line) -> dict[str, Any]:
    dataset, network = _known(line, "dataset", _DATASETS), line["network"]
    _known(line, "network", _NETWORKS)
    method, rate, replicate = line["method"], line.number_of("compression"), line.number_of("replicate")
    if replicate != int(replicate):
        raise CorpusError(f"{line.place}, replicate: {replicate:g}: expected a whole number")
    on_cifar = dataset.startswith("cifar")
    return {
        "key": "/".join((ORIGIN, dataset, network, method.replace(" ", "-"), line["compression"], line["replicate"])),
        "paper": ORIGIN,
        "source": f"figure 6, {line.place}",
        "transcribed_by": "Tanaka et al. 2020",
        "kind": "prune",
        "method": _known(line, "method", _CALLED),
        "granularity": "weight",
        "dataset": dataset,
        "network": _network(network),
        "replicate": int(replicate),
        "seeds": 1,
        "top1": line.number_of("top1"),
        "compression": rate,
        "allocation": "global",
        **_BEFORE_TRAINING,
        **(_ON_CIFAR if on_cifar else {}),
    }


def _known(line: Line, column: str, names: Mapping[str, Any]) -> str:
    if line[column] not in names:
        raise CorpusError(f"{line.place}, {column}: {unknown(column, line[column], names)}")
    found = names[line[column]]
    return found if isinstance(found, str) else line[column]


def _network(name: str) -> str:
    """Its key; the file's own name is no alias, since others call other networks so."""
    return f"{ORIGIN}-{name.replace('_', '-')}"


def _notes(file: str) -> list[Note]:
    said = (
        ("retrain_schedule", "one recipe for all of CIFAR, as the collection of the file says; others are null"),
        ("compression", "of weights; biases and batch norms are neither pruned nor counted. At 1 nothing is removed"),
        ("network", f"Wide ResNet-18 is named as in the file, though {_SAME}"),
    )
    return [Note(file, field, "interpreted", text) for field, text in said]
