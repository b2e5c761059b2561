"""Scale of the batch norm behind a layer: Network Slimming, Liu et al. 2017, arXiv:1708.06519."""

from __future__ import annotations

from fairprune.pruning.criterion import Context, Scores, criterion


@criterion(needs=("batch_norm",), paper="arXiv:1708.06519", granularities=("channel",))
def bn_scale(context: Context) -> Scores:
    """|gamma| of the batch norm behind the layer, [out].

    Deviations: in the paper scales have been trained under an L1 penalty, and one threshold cuts all layers; that is
    `slimming`. By itself this ranks a network as it was trained, by default with the same ratio in every layer.
    """
    return {name: context.batch_norm[name].abs() for name in context.weights}
