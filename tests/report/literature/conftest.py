"""A literature whose figures can be worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from fairprune.corpus.tables import Corpus, Part, merged, nothing

PAPERS = (("a", "Ann", 2017, "https://example.org/a"), ("b", "Bea", 2018, None), ("c", "Bea", 2018, None))


@pytest.fixture
def result() -> Callable[..., Mapping[str, Any]]:
    """make(key, paper, network, **values) -> a row of the table results, of pruning on ImageNet."""

    def make(key: str, paper: str, network: str = "vgg-16", **values: Any) -> Mapping[str, Any]:
        known = {"source": f"table {key}", "transcribed_by": "us", "kind": "prune", "dataset": "imagenet"}
        return {"key": key, "paper": paper, "network": network, "method": paper, **known, **values}

    return make


@pytest.fixture
def corpus() -> Callable[..., Corpus]:
    """make(results, **other tables) -> a corpus of three papers, those of Bea of one year, and four networks."""

    def make(*results: Mapping[str, Any], **tables: Any) -> Corpus:
        papers = [
            {"key": k, "title": f"On {k}", "first_author": who, "year": year, "pruning": True, "url": url}
            for k, who, year, url in PAPERS
        ]
        networks = [
            {"key": "vgg-16", "name": "VGG-16", "params_m": 138.0, "macs_g": 15.5},
            {"key": "resnet-50", "name": "ResNet-50", "params_m": 25.6, "macs_g": 4.1},
            {"key": "resnet-56", "name": "ResNet-56"},
            {"key": "tiny", "name": "Tiny (of our own)"},
        ]
        rows = {
            "papers": papers,
            "methods": [{"key": k, "name": f"M{k}", "paper": k} for k, *_ in PAPERS],
            "networks": networks,
            "datasets": [{"key": "imagenet", "name": "ImageNet"}, {"key": "cifar-10", "name": "CIFAR-10"}],
            "results": results,
            **tables,
        }
        return merged(nothing(), Part("test", rows))

    return make
