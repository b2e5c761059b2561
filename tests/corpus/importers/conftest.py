"""What contributions refer to."""

from __future__ import annotations

import pytest

from fairprune.corpus.tables import Corpus, Part, merged, nothing


@pytest.fixture
def known() -> Corpus:
    """Two papers, a method of each, two networks of which one has an alias, and a data set."""
    papers = [
        {"key": "li-2017", "title": "Filters", "first_author": "Li", "year": 2017, "pruning": True},
        {"key": "luo-2017", "title": "ThiNet", "first_author": "Luo", "year": 2017, "pruning": True},
    ]
    methods = [
        {"key": "l1", "name": "L1-norm", "aliases": ["L1"], "paper": "li-2017"},
        {"key": "thinet", "name": "ThiNet", "paper": "luo-2017"},
    ]
    networks = [
        {"key": "resnet-56", "name": "ResNet-56"},
        {"key": "vgg-16", "name": "VGG-16"},
        {"key": "vgg-16-bn", "name": "VGG-16-BN", "aliases": ["VGG-16"]},
    ]
    datasets = [{"key": "cifar-10", "name": "CIFAR-10"}]
    rows = {"papers": papers, "methods": methods, "networks": networks, "datasets": datasets}
    return merged(nothing(), Part("known", rows))  # type: ignore[arg-type]
