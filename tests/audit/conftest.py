from __future__ import annotations

from collections.abc import Callable

import pytest

from fairprune.audit import Result
from fairprune.audit.examples import pruned


@pytest.fixture
def make() -> Callable[..., Result]:
    """The pruned example with some fields changed."""
    return pruned
