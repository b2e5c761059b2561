"""What reports need to know of a finding of the audit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

_SEVERITIES = ("unfair", "caution", "note")  # worst first


class Finding(Protocol):
    """What the audit says about some runs."""

    @property
    def rule(self) -> str:
        """The rule's name."""

    @property
    def severity(self) -> str:
        """`unfair`, `caution` or `note`."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Identities of the runs."""

    @property
    def text(self) -> str:
        """What is the matter, in words."""


F = TypeVar("F", bound=Finding)


def ordered(findings: Iterable[F]) -> list[F]:
    """Worst first, otherwise as they come."""
    return sorted(findings, key=lambda f: _SEVERITIES.index(f.severity) if f.severity in _SEVERITIES else 9)
