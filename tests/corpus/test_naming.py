from __future__ import annotations

from collections.abc import Callable

import pytest

from fairprune.corpus.naming import naming
from fairprune.corpus.tables import Corpus
from fairprune.errors import SpecError

NETWORKS = [
    {"key": "vgg", "name": "VGG-16", "aliases": ["VGG16 (Torch)"], "component": "vgg16_here"},
    {"key": "vgg-bn", "name": "VGG-16-BN", "aliases": ["vgg 16", "small"], "component": "vgg16_here"},
    {"key": "small", "name": "Small", "component": "tiny"},
]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("vgg", "vgg"),
        ("VGG-16", "vgg"),
        ("vgg16(torch)", "vgg"),
        ("VGG 16 BN", "vgg-bn"),
        ("vgg 16", "vgg-bn"),
        ("small", "small"),  # a key before an alias
        ("tiny", "small"),
    ],
)
def test_keys_of_names(corpus_of: Callable[..., Corpus], name: str, key: str) -> None:
    assert naming(corpus_of(networks=NETWORKS))["network"].key("network", name) == key


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("VGG_16", "network 'VGG_16' is a name of vgg, vgg-bn; expected one of these keys"),
        ("vgg16_here", "network 'vgg16_here' is a name of vgg, vgg-bn"),
        ("VGG-17", "unknown network 'VGG-17'; did you mean 'VGG-16'?"),
    ],
)
def test_names_of_several_or_none(corpus_of: Callable[..., Corpus], name: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        naming(corpus_of(networks=NETWORKS))["network"].key("network", name)
