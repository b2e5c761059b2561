"""Norms of filters: L1 (Li et al. 2017, arXiv:1608.08710) and L2 (He et al. 2018, arXiv:1808.06866)."""

from __future__ import annotations

from fairprune.pruning.criterion import Context, Scores, criterion


@criterion(paper="arXiv:1608.08710", granularities=("channel",))
def l1_norm(context: Context) -> Scores:
    """sum |w| over each filter, [out].

    Deviations: the paper chooses ratios layer by layer from the sensitivity of each, and in a residual block goes by
    the filters of the shortcut; here the allocation decides (`given` takes the paper's ratios), and coupled layers are
    joined as the method's `reduce` says (their mean).
    """
    return {name: weight.flatten(1).abs().sum(1) for name, weight in context.weights.items()}


@criterion(paper="arXiv:1608.08710", granularities=("channel",))
def l1_largest(context: Context) -> Scores:
    """-sum |w| over each filter, [out]: the control that removes the largest filters first (section 4.4).

    What the L1 norm finds unimportant is worth something only if removing the opposite does more harm.

    Deviations: those of `l1_norm`.
    """
    return {name: -norm for name, norm in l1_norm(context).scores.items()}


@criterion(paper="arXiv:1808.06866", granularities=("channel",))
def l2_norm(context: Context) -> Scores:
    """(sum w^2)^(1/2) over each filter, [out].

    Deviations: the paper goes by this norm after every epoch of a training (`soft_filter`); by itself it prunes once.
    """
    return {name: weight.flatten(1).norm(dim=1) for name, weight in context.weights.items()}
