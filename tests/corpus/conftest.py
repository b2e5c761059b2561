"""A literature small enough to count by hand."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from fairprune.corpus.tables import Corpus, Part, merged, nothing

Rows = Sequence[Mapping[str, Any]]


def _papers() -> Rows:
    said = [("a", 2009, True), ("b", 2015, True), ("c", 2016, True), ("d", 2016, True), ("talk", 2017, False)]
    return [{"key": k, "title": k.upper(), "first_author": k, "year": y, "pruning": p} for k, y, p in said]


def _result(number: int, paper: str, network: str | None, dataset: str | None, **values: Any) -> Mapping[str, Any]:
    where = {"network": network, "dataset": dataset, "source": f"table 1, row {number}", "transcribed_by": "us"}
    key = f"{paper}/{number}"
    return {
        "key": key,
        "paper": paper,
        "kind": "prune",
        "method": paper if paper != "talk" else None,
        **where,
        **values,
    }


def _results() -> Rows:
    return [
        _result(1, "a", "lenet", "mnist", top1=98.0, base_top1=99.0, compression=2.0),
        _result(2, "a", "lenet", "mnist", top1=97.0, base_top1=99.0, compression=4.0),
        _result(3, "a", "lenet", None, top1=50.0),
        _result(4, "b", "lenet", "mnist", top1_change=-0.5, base_top1=99.5, speedup=2.0, base_flops_g=1.0),
        _result(5, "b", "resnet", "imagenet", top5=90.0, params_m=10.0, flops_g=1.0, base_flops_g=4.0, variant="big"),
        _result(6, "c", "resnet", "imagenet", top1=74.0, base_top1=76.0, top1_std=0.1, seeds=3),
        _result(7, "c", "resnet", "mnist"),
        _result(8, "c", "resnet", "mnist", top1=90.0, compression=2.0, replicate=0),
        _result(9, "c", "resnet", "mnist", top1=91.0, compression=2.0, replicate=1),
        _result(10, "talk", "vgg", "speech", top1=1.0),
        _result(11, "d", "vgg", "imagenet", top1=70.0, speedup=2.0, base_flops_g=15.0),
    ]


def _comparisons() -> Rows:
    said = [("b", "a"), ("c", "a"), ("c", "b"), ("c", "c"), ("d", "elsewhere"), ("talk", "a")]
    return [{"paper": paper, "compared_to": other} for paper, other in said]


@pytest.fixture
def literature() -> Corpus:
    """Five papers, one of them not about pruning, four methods, and a result of another origin."""
    methods = [{"key": key, "name": f"Method {key.upper()}", "paper": key} for key in "abcd"]
    networks = [
        {"key": "lenet", "name": "LeNet"},
        {"key": "resnet", "name": "ResNet-50"},
        {"key": "vgg", "name": "VGG"},
    ]
    datasets = [
        {"key": key, "name": name} for key, name in (("mnist", "MNIST"), ("imagenet", "ImageNet"), ("speech", "Speech"))
    ]
    part = Part(
        "survey",
        {
            "papers": _papers(),
            "methods": methods,
            "networks": networks,
            "datasets": datasets,
            "results": _results(),
            "comparisons": _comparisons(),
        },
    )
    other = [{"key": "e", "title": "E", "first_author": "e", "year": 2023, "pruning": True}]
    more = [_result(12, "e", "vgg", "mnist", top1=98.0, speedup=2.0)]
    return merged(
        merged(nothing(), part), Part("us", {"papers": other, "results": [{**row, "method": "a"} for row in more]})
    )


@pytest.fixture
def corpus_of() -> Callable[..., Corpus]:
    """A corpus with these rows by table, of one origin."""

    def build(**rows: Rows) -> Corpus:
        return merged(nothing(), Part("o", rows))  # type: ignore[arg-type]

    return build
