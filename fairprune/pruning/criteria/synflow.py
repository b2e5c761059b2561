"""Synaptic flow, before training and without data: Tanaka et al. 2020, arXiv:2006.05467."""

from __future__ import annotations

from fairprune.pruning.criterion import Context, Scores, criterion


@criterion(
    needs=("flow",),
    paper="arXiv:2006.05467",
    scope="network",
    granularities=("weight",),
    start="init",
    steps=100,
    allocation="global",
)
def synflow(context: Context) -> Scores:
    """|w| * dR/d|w| / R, shape of the weight: what flows through it, as a share of the whole flow R.

    R is the sum of the outputs for an input of ones, with every parameter and buffer replaced by its absolute value.
    What flows into a hidden unit flows out of it, and every layer carries the same, so the fewer weights a layer has
    left, the higher they score: in many small steps none is emptied while others could give.

    Deviations: computed in fp64, because R grows with the product of all layers; the authors compute in fp32. Divided
    by R, which changes no order: so scores fit into fp32 again, or the weights' type where that is finer.
    """
    return context.flow
