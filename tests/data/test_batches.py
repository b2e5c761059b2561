from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fairprune.data.batches import Loader
from fairprune.data.raw import Streamed
from fairprune.data.resident import ResidentSplit
from fairprune.data.streamed import StreamedSplit
from fairprune.errors import SpecError

CPU = torch.device("cpu")
MEAN, STD = (0.25, 0.5, 0.75), (0.5, 0.25, 0.125)


def split(n, side=4):
    """Images whose first pixel tells their position."""
    pixels = torch.randint(256, (n, 3, side, side), dtype=torch.uint8)
    pixels[:, 0, 0, 0] = torch.arange(n)
    return ResidentSplit("train", "0" * 64, torch.arange(n), pixels)


def loader(n=20, batch=8, **changes):
    return replace(Loader(split(n), batch, CPU, MEAN, STD), **changes)


@given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 5))
def test_an_epoch_has_every_sample_once_but_for_a_single_left_over(n, batch, seed):
    loading = loader(n, batch)
    batches = list(loading.epoch(seed))
    seen = [label for _, labels in batches for label in labels.tolist()]
    left_over = n % batch == 1 and batch > 1
    assert len(batches) == loading.steps
    assert len(set(seen)) == len(seen) == n - left_over
    assert all(len(labels) == batch for _, labels in batches[:-1])


@given(st.integers(1, 60), st.integers(1, 70))
def test_in_order_there_are_exactly_the_samples_there_are(n, batch):
    seen = [label for _, labels in loader(n, batch).ordered() for label in labels.tolist()]
    assert seen == list(range(n))


def test_images_and_labels_stay_together_and_are_normalised_as_by_hand():
    loading = loader()
    mean, std = (np.array(v).reshape(3, 1, 1) for v in (MEAN, STD))
    pixels = loading.split.images.numpy()
    for batches in (loading.ordered(), loading.epoch(3)):
        for images, labels in batches:
            assert images.dtype == torch.float32
            assert labels.dtype == torch.int64
            expected = (pixels[labels.numpy()] / 255 - mean) / std
            np.testing.assert_allclose(images.numpy(), expected, rtol=1e-5, atol=1e-5)


def order(loading, seed):
    return [label for _, labels in loading.epoch(seed) for label in labels.tolist()]


def test_the_seed_fixes_order_and_augmentation_and_nothing_global_does():
    loading = loader(augment=("pad-crop:1", "flip"))
    torch.manual_seed(1)
    first = list(loading.epoch(7))
    torch.manual_seed(2)
    state = torch.get_rng_state()
    second = list(loading.epoch(7))
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(a, b) for x, y in zip(first, second, strict=True) for a, b in zip(x, y, strict=True))
    assert order(loading, 7) != order(loading, 8)


def test_augmentation_changes_neither_the_order_nor_what_is_read_in_order():
    plain, augmented = loader(), loader(augment=("pad-crop:1", "flip"))
    assert order(plain, 1) == order(augmented, 1)
    same = replace(augmented, split=plain.split)
    for (a, _), (b, _) in zip(plain.ordered(), same.ordered(), strict=True):
        assert torch.equal(a, b)


def test_every_batch_draws_its_own_augmentation():
    pixels = torch.arange(16, dtype=torch.uint8).view(1, 1, 4, 4).expand(64, 1, 4, 4).contiguous()
    same = ResidentSplit("train", "0" * 64, torch.zeros(64, dtype=torch.int64), pixels)
    batches = [images for images, _ in Loader(same, 16, CPU, (0.0,), (1.0,), ("pad-crop:2",)).epoch(0)]
    assert not torch.equal(batches[0], batches[1])


def test_channels_last_changes_the_layout_only():
    plain = loader()
    last = replace(plain, channels_last=True)
    for (a, _), (b, _) in zip(plain.epoch(0), last.epoch(0), strict=True):
        assert torch.equal(a, b)
        assert b.is_contiguous(memory_format=torch.channels_last)


def test_streamed_batches_are_those_of_a_resident_split():
    resident = split(37)
    source = Streamed(lambda i: resident.images[i], resident.labels, (3, 4, 4))
    streamed = StreamedSplit("train", resident.digest, resident.labels, source, torch.arange(37))
    one, two = (Loader(s, 8, CPU, MEAN, STD, ("pad-crop:1", "flip")) for s in (resident, streamed))
    for a, b in [(one.epoch(4), two.epoch(4)), (one.ordered(), two.ordered())]:
        for (x, y), (v, w) in zip(a, b, strict=True):
            assert torch.equal(x, v)
            assert torch.equal(y, w)


def test_bad_options_are_refused_before_any_batch():
    with pytest.raises(SpecError, match="batch size 0"):
        loader(batch=0)
    with pytest.raises(SpecError, match="unknown augmentation"):
        loader(augment=("rotate",))
