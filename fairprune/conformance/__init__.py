"""Conformance: what criteria, methods that train and repairs have to keep to, whoever wrote them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fairprune.conformance.checking import CheckResult
from fairprune.conformance.criterion import check_criterion
from fairprune.conformance.repair import check_repair
from fairprune.conformance.training import check_training
from fairprune.errors import SpecError
from fairprune.pruning.criterion import Criterion
from fairprune.pruning.repair import Repair
from fairprune.pruning.training_method import TrainingMethod

__all__ = ["CheckResult", "check"]


SUITES: Mapping[str, tuple[type, Callable[[Any], list[CheckResult]]]] = {
    "criterion": (Criterion, check_criterion),
    "training": (TrainingMethod, check_training),
    "repair": (Repair, check_repair),
}


def check(component: object, name: str) -> tuple[str, list[CheckResult]]:
    """What kind of component it is, and the results of its suite. Raises SpecError, with its name, if it is none."""
    for kind, (known, suite) in SUITES.items():
        if isinstance(component, known):
            return kind, suite(component)
    raise SpecError(
        f"{name} is no criterion, training or repair, but {type(component).__name__}: expected a function decorated "
        "with @fairprune.criterion(), @fairprune.training_method() or @fairprune.repair()"
    )
