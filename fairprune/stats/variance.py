"""Do all methods vary alike? The additive model pools one variance over all of them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from scipy.special import chdtri, fdtri

from fairprune.stats.additive import Table

_FEWEST = 4  # methods that say what is usual


def outlying(table: Table, level: float = 0.999) -> Mapping[str, float]:
    """Methods that vary more between seeds than the others usually do -> ratio of the standard deviations.

    Seeds are levelled by the median over methods, and the usual variance is the median of the methods' variances over
    that of a chi-squared variable, so that outliers hide neither themselves nor each other. A method lies outside where
    its ratio of variances exceeds the F quantile at 1 - (1 - level) / methods. Nothing is said of fewer than four.
    """
    seeds = {seed for row in table.values() for seed in row}
    middle = {seed: statistics.median(row[seed] for row in table.values() if seed in row) for seed in seeds}
    levelled = {name: [y - middle[seed] for seed, y in row.items()] for name, row in table.items() if len(row) > 1}
    if len(levelled) < _FEWEST:
        return {}
    variances = {name: statistics.variance(values) for name, values in levelled.items()}
    df = min(len(values) for values in levelled.values()) - 1
    usual = statistics.median(variances.values()) * df / float(chdtri(df, 0.5))
    bound = float(fdtri(df, df * (len(levelled) - 1), 1 - (1 - level) / len(levelled)))
    return {name: (v / usual) ** 0.5 for name, v in variances.items() if usual > 0 and v > bound * usual}
