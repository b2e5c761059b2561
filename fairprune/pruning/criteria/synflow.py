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
    """|w| * dR/d|w|, fp64, shape of the weight: what flows through it, of the whole flow R.

    R is the sum of the outputs for an input of ones, with every parameter and buffer replaced by its absolute value.
    What flows into a hidden unit flows out of it, and every layer carries the same, so the fewer weights a layer has
    left, the higher they score: in many small steps none is emptied while others could give.

    Deviations: fp64, because R grows with the product of all layers; the authors compute in fp32.
    """
    return {name: weight.abs() * context.flow[name] for name, weight in context.weights.items()}
