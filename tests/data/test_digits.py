from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits

from fairprune.data.digits import digits


def test_every_digit_is_there_and_scaled_by_rounding():
    raw = digits(Path("/nowhere"))
    bunch = load_digits()
    assert raw.train.pixels.shape == (1797, 1, 8, 8)
    expected = np.floor(bunch.images * 255 / 16 + 0.5).astype(np.uint8)
    np.testing.assert_array_equal(raw.train.pixels[:, 0].numpy(), expected)
    assert torch.unique(raw.train.pixels).tolist()[::8] == [0, 128, 255]
    np.testing.assert_array_equal(raw.train.labels.numpy(), bunch.target)
    assert raw.test is None
    assert raw.classes == 10
