"""Names of components, as a shell completes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairprune.registry import Kind

CHECKED: tuple[Kind, ...] = ("criterion", "training", "repair")  # what there are conformance suites for

Completed = Callable[[str], list[tuple[str, str]]]


def names_of(*kinds: Kind, more: Sequence[tuple[str, str]] = ()) -> Completed:
    """What completes the beginning of a name: components of these kinds with what they are, and more."""

    def complete(incomplete: str) -> list[tuple[str, str]]:
        from fairprune.registry import BUILTIN

        known = {entry.name: entry.summary for kind in kinds for entry in BUILTIN[kind].values()}
        return [(name, what) for name, what in [*known.items(), *more] if name.startswith(incomplete)]

    return complete


def designs(incomplete: str) -> list[str]:
    """What completes the name of a predefined network, whose ratios can be asked for."""
    from fairprune.networks.predefined import NAMES

    return [name for name in NAMES if name.startswith(incomplete)]
