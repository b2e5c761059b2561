"""What every conformance suite is made of: checks by name, run at every granularity that a component declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from fairprune.errors import FairpruneError
from fairprune.pruning.criterion import Granularity


class Component(Protocol):
    """A criterion, a repair, or a method that prunes while it trains."""

    @property
    def granularities(self) -> tuple[Granularity, ...]:
        """What it says that it can prune."""


C = TypeVar("C", bound=Component)
Check = Callable[[C, Granularity], str]  # says what was not checked; raises UnmetError, or what the component raises


@dataclass(frozen=True)
class CheckResult:
    """One check. `detail` says what is wrong, or what was not checked."""

    name: str
    passed: bool
    detail: str = ""


class UnmetError(Exception):
    """A check that does not hold."""


def run(component: C, checks: Mapping[str, Check[C]]) -> list[CheckResult]:
    """Every check at every granularity. Nothing is raised: what a component raises is what is wrong with it."""
    results = []
    for granularity in component.granularities:
        for name, check in checks.items():
            try:
                detail, passed = check(component, granularity), True
            except (FairpruneError, UnmetError) as error:
                detail, passed = str(error), False
            except Exception as error:
                detail, passed = f"{type(error).__name__}: {error}", False
            results.append(CheckResult(f"{granularity}: {name}", passed, detail))
    return results
