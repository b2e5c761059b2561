"""The audit: which comparison setups two results reach, and findings about records. Runs no network."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairprune.audit.finding import Contrast, Evidence, Finding, Rule, Severity, StudyFacts
    from fairprune.audit.measured import from_record
    from fairprune.audit.pairing import compare_all
    from fairprune.audit.result import Result
    from fairprune.audit.rules import RULES, audit
    from fairprune.audit.setups import Blocked, Pair, Verdict, compare

__all__ = [
    "RULES",
    "Blocked",
    "Contrast",
    "Evidence",
    "Finding",
    "Pair",
    "Result",
    "Rule",
    "Severity",
    "StudyFacts",
    "Verdict",
    "audit",
    "compare",
    "compare_all",
    "from_record",
]

_HOMES = {
    **dict.fromkeys(("Contrast", "Evidence", "Finding", "Rule", "Severity", "StudyFacts"), "finding"),
    **dict.fromkeys(("Blocked", "Pair", "Verdict", "compare"), "setups"),
    **dict.fromkeys(("RULES", "audit"), "rules"),
    "compare_all": "pairing",
    "from_record": "measured",
    "Result": "result",
}


def __getattr__(name: str) -> Any:
    """Public names on first use: whoever asks for setups alone does not wait for the statistics behind the rules."""
    if name not in _HOMES:
        raise AttributeError(f"module 'fairprune.audit' has no attribute '{name}'")
    return getattr(importlib.import_module(f"fairprune.audit.{_HOMES[name]}"), name)
