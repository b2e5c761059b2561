"""How names are told apart, by whatever table they stand in."""

from __future__ import annotations

import re

_SEPARATORS = re.compile(r"[\s_-]+")


def spelling(name: str) -> str:
    """What names of a data set or network have in common, however they are spelt: "ResNet-56" is "resnet56"."""
    return _SEPARATORS.sub("", name).casefold()
