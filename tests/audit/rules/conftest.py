from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairprune.audit import Result, audit


def _said(rule: str, *results: Result, **options: Any) -> list[tuple[tuple[str, ...], str]]:
    return [(finding.ids, finding.text) for finding in audit(results, **options) if finding.rule == rule]


@pytest.fixture
def said() -> Callable[..., list[tuple[tuple[str, ...], str]]]:
    """What a rule, by its identifier, says of some results."""
    return _said
