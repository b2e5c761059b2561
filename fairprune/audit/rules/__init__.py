"""All rules, and the audit that runs them."""

from __future__ import annotations

from collections.abc import Iterable, Set

from fairprune.audit.finding import SEVERITIES, Contrast, Evidence, Finding, StudyFacts
from fairprune.audit.result import Result
from fairprune.audit.rules import (
    breadth,
    budgets,
    checkpoints,
    conclusions,
    confounded,
    controls,
    mixed,
    networks,
    pairs,
    retraining,
    unknown,
    variance,
)
from fairprune.audit.setups import Reading

_MODULES = (
    pairs,
    confounded,
    budgets,
    retraining,
    checkpoints,
    mixed,
    controls,
    conclusions,
    variance,
    breadth,
    networks,
    unknown,
)
RULES = tuple(
    rule for severity in SEVERITIES for module in _MODULES for rule in module.RULES if rule.severity == severity
)


def audit(
    results: Iterable[Result],
    facts: StudyFacts | None = None,
    contrasts: Iterable[Contrast] = (),
    tau: float = 0.05,
    assume_equal: Set[str] = frozenset(),
    reading: Reading = "wang",
) -> tuple[Finding, ...]:
    """What every rule says about the results, worst first. The options are those of `setups.compare`."""
    return findings_of(Evidence(tuple(results), facts, tuple(contrasts), tau, frozenset(assume_equal), reading))


def findings_of(evidence: Evidence) -> tuple[Finding, ...]:
    """What every rule says about the evidence, worst first."""
    return tuple(finding for rule in RULES for finding in rule.findings(evidence))
