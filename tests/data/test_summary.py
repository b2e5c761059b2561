import hashlib

import numpy as np
import pytest
import torch

from fairprune.data.summary import channel_statistics, split_digest, summarise


def images(n=6, channels=3, side=4, seed=0):
    return torch.randint(
        256, (n, channels, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )


def test_digests_and_moments_are_those_of_each_image():
    pixels = images()
    summary = summarise([pixels])
    for i, image in enumerate(pixels.numpy()):
        assert summary.digests[i].numpy().tobytes() == hashlib.sha256(image.tobytes()).digest()
        wide = image.astype(np.int64)
        assert summary.moments[i].tolist() == [[c.sum(), (c * c).sum()] for c in wide]


def test_chunks_do_not_matter_nor_does_the_layout_in_memory():
    pixels = images()
    once, twice = summarise([pixels]), summarise([pixels[:1], pixels[1:].to(memory_format=torch.channels_last)])
    assert torch.equal(once.digests, twice.digests)
    assert torch.equal(once.moments, twice.moments)


def test_statistics_are_numpys():
    pixels, index = images(), torch.tensor([0, 3, 4])
    mean, std = channel_statistics(summarise([pixels]), (3, 4, 4), index)
    chosen = pixels[index].numpy().astype(np.float64) / 255
    np.testing.assert_allclose(mean, chosen.mean((0, 2, 3)), rtol=1e-14)
    np.testing.assert_allclose(std, chosen.std((0, 2, 3)), rtol=1e-12)


def test_a_constant_channel_is_centred_but_not_scaled():
    pixels = torch.full((2, 1, 2, 2), 51, dtype=torch.uint8)
    assert channel_statistics(summarise([pixels]), (1, 2, 2), torch.arange(2)) == (pytest.approx((0.2,)), (1.0,))


def test_the_split_digest_sees_pixels_labels_order_and_shape():
    pixels, labels, every = images(), torch.tensor([0, 1, 0, 1, 2, 2]), torch.arange(6)
    summary = summarise([pixels])
    digest = split_digest(summary, labels, (3, 4, 4), every)
    changed = pixels.clone()
    changed[5, 2, 3, 3] ^= 1
    others = {
        split_digest(summarise([changed]), labels, (3, 4, 4), every),
        split_digest(summary, labels.flip(0), (3, 4, 4), every),
        split_digest(summary, labels, (3, 4, 4), every.flip(0)),
        split_digest(summary, labels, (3, 4, 4), every[:5]),
        split_digest(summary, labels, (3, 2, 8), every),
    }
    assert len(others) == 5
    assert digest not in others
    chosen = torch.tensor([4, 1])
    assert split_digest(summary, labels, (3, 4, 4), chosen) == split_digest(
        summarise([pixels[chosen]]), labels[chosen], (3, 4, 4), torch.arange(2)
    )
