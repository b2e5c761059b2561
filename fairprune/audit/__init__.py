"""The audit: which comparison setups two results reach, and findings about records. Runs no network."""

from fairprune.audit.finding import Contrast, Evidence, Finding, Rule, Severity, StudyFacts
from fairprune.audit.measured import from_record
from fairprune.audit.result import Result
from fairprune.audit.rules import RULES, audit
from fairprune.audit.setups import Blocked, Pair, Verdict, compare, compare_all

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
