"""Claims of papers as studies that anyone can rerun, and the rule for what the results say of them. Runs no network."""

from fairprune.claims.judge import Judgement, Tested, check, judge
from fairprune.claims.read import claim_names, find_claim, read_claim
from fairprune.claims.values import SCALES, Cell, Claim, Scale, Test

__all__ = [
    "SCALES",
    "Cell",
    "Claim",
    "Judgement",
    "Scale",
    "Test",
    "Tested",
    "check",
    "claim_names",
    "find_claim",
    "judge",
    "read_claim",
]
