"""Which layers are left alone."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn

from fairprune.errors import PruneError, unknown

CLASSIFIER = "classifier"


def spared(network: nn.Module, layers: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """The layers that patterns (as of file names) match, in order; "classifier" is the last linear one, if any.

    Raises PruneError for a pattern that matches none of `layers`, with the nearest name.
    """
    linear = [name for name in layers if isinstance(network.get_submodule(name), nn.Linear)]
    found: set[str] = set()
    for pattern in patterns:
        matched = {name for name in layers if fnmatchcase(name, pattern)}
        if pattern == CLASSIFIER:
            matched |= set(linear[-1:])
        elif not matched:
            raise PruneError(unknown("layer to spare", pattern, [CLASSIFIER, *layers]))
        found |= matched
    return [name for name in layers if name in found]
