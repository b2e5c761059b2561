"""The data sets themselves, where there are any."""

import os
import time
from pathlib import Path

import pytest
import torch

from fairprune.data.cifar import cifar10
from fairprune.data.load import load_data
from fairprune.data.summary import channel_statistics
from fairprune.spec import DataSpec

ROOT = os.environ.get("FAIRPRUNE_DATA", "")
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not ROOT, reason="FAIRPRUNE_DATA is not set: no real data to test with"),
]


def counts(data):
    return {name: len(split) for name, split in data.splits.items()}


def test_mnist():
    data = load_data(DataSpec(name="mnist"), Path(ROOT))
    assert counts(data) == {"train": 54_000, "validation": 6_000, "test": 10_000}
    assert data.shape == (1, 28, 28)
    assert data.mean == pytest.approx((0.1307,), abs=5e-4)
    assert data.std == pytest.approx((0.3081,), abs=5e-4)
    assert data.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_cifar10_and_its_second_load():
    raw = cifar10(Path(ROOT))
    mean, std = channel_statistics(raw.train.summary, (3, 32, 32), torch.arange(50_000))
    assert mean == pytest.approx((0.49140, 0.48216, 0.44653), abs=1e-5)
    assert std == pytest.approx((0.24703, 0.24349, 0.26159), abs=1e-5)
    assert raw.train.labels.bincount().tolist() == [5_000] * 10
    start = time.perf_counter()
    data = load_data(DataSpec(name="cifar10", carve_test=10_000), Path(ROOT))
    assert time.perf_counter() - start < 5  # a quarter of a second on a free core; decoding takes longer than this
    assert counts(data) == {"train": 36_000, "validation": 4_000, "test": 10_000}
    assert data.test.labels.bincount().tolist() == [1_000] * 10
    assert len(load_data(DataSpec(name="cifar10"), Path(ROOT)).test) == len(raw.test.labels)
