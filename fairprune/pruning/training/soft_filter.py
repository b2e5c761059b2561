"""Soft filter pruning: filters are zeroed after every epoch and trained on, He et al. 2018, arXiv:1808.06866."""

from __future__ import annotations

import torch

from fairprune.hook import Hook
from fairprune.pruning.training.filters import channels_of, filter_norms, removed_filters
from fairprune.pruning.training_method import Setting, training_method


@training_method(paper="arXiv:1808.06866", granularities=("channel",), criterion="l2_norm", allocation="uniform")
def soft_filter(setting: Setting) -> Hook:
    """After every epoch, set the filters of lowest L2 norm to zero: as many as the target removes in the end.

    As published only weights are zeroed, not batch norms, biases or the optimizer's momentum, and zeroed filters may
    come back. Published are trainings from the initialisation, and from a trained network, which is the default.

    Deviations: the paper chooses in every layer by itself; what is removed physically has to be the same in coupled
    layers, so here these choose together. The released code also zeroes once before the first epoch, which the paper's
    algorithm does not.
    """
    space = channels_of(setting)

    def on_epoch(_: int) -> None:
        kept = setting.choose(filter_norms(setting.network, space, 2))
        with torch.no_grad():
            for weight, factor in removed_filters(setting.network, space, kept):
                weight.masked_fill_(factor != 0, 0)

    return Hook(on_epoch=on_epoch)
