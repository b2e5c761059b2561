"""Magnitude pruning: Janowsky 1989, Phys. Rev. A 39; Han et al. 2015, arXiv:1506.02626."""

from __future__ import annotations

from fairprune.pruning.criterion import Context, Scores, criterion


@criterion(paper="arXiv:1506.02626", granularities=("weight", "channel", "block"))
def magnitude(context: Context) -> Scores:
    """|w|, of the weight's shape. Summed over a filter it is the L1 norm.

    Deviations: the paper removes what lies below a multiple of each layer's standard deviation, chosen by hand, and
    prunes and retrains in turns; here the allocation spreads a target, in as many `rounds` as the study says (one).
    """
    return {name: weight.abs() for name, weight in context.weights.items()}
