"""The digits that ship inside scikit-learn: nothing to download."""

from __future__ import annotations

from pathlib import Path

import torch

from fairprune.data.raw import Images, Raw


def digits(root: Path) -> Raw:  # noqa: ARG001 (the contract of a data set; these come with a library)
    """1,797 handwritten digits, 1 x 8 x 8, 10 classes, no official test set (Alpaydin and Kaynak 1998, UCI).

    Grey values 0..16 become round(255 * value / 16).
    """
    from sklearn.datasets import load_digits  # a second to import

    bunch = load_digits()
    grey = torch.from_numpy(bunch.images).round().int()
    pixels = ((grey * 255 + 8) // 16).to(torch.uint8)[:, None]
    return Raw("digits", Images(pixels, torch.from_numpy(bunch.target).long()), None, 10)
