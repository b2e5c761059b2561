"""Statistics of a study: what was seen, how sure it is, and what could not have been seen.

Plain functions of plain numbers with frozen results; they know nothing of records, networks or reports.
"""

from fairprune.stats.additive import Table
from fairprune.stats.contrasts import all_pairs, contrasts, families
from fairprune.stats.critical import critical_value
from fairprune.stats.crossing import Crossing, cross
from fairprune.stats.expectation import Expect, Expectation, Outcome, expectation
from fairprune.stats.judged import Contrast, Judged
from fairprune.stats.power import Equivalence, detectable, equivalence
from fairprune.stats.ranking import Rank, ranks, why_unknown
from fairprune.stats.resampling import Resampled, Sums, over_both, resample, sums_of, widened
from fairprune.stats.summary import Description, binomial_error, describe

__all__ = [
    "Contrast",
    "Crossing",
    "Description",
    "Equivalence",
    "Expect",
    "Expectation",
    "Judged",
    "Outcome",
    "Rank",
    "Resampled",
    "Sums",
    "Table",
    "all_pairs",
    "binomial_error",
    "contrasts",
    "critical_value",
    "cross",
    "describe",
    "detectable",
    "equivalence",
    "expectation",
    "families",
    "over_both",
    "ranks",
    "resample",
    "sums_of",
    "why_unknown",
    "widened",
]
