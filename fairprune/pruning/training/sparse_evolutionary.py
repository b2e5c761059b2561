"""Sparse evolutionary training (SET): Mocanu et al. 2018, arXiv:1707.04780, algorithm 1."""

from __future__ import annotations

import torch
from torch import Tensor

from fairprune.errors import SpecError
from fairprune.hook import Hook, Now
from fairprune.pruning.training.dynamic import random_masks, ranks, without_smallest
from fairprune.pruning.training.steps import check_fraction
from fairprune.pruning.training_method import Setting, training_method


@training_method(paper="arXiv:1707.04780", granularities=("weight",), start="init", allocation="erk")
def sparse_evolutionary(setting: Setting, *, zeta: float = 0.3, every: int = 1) -> Hook:
    """Train a random sparse network; after every `every` epochs move `zeta` of each layer's weights elsewhere.

    What goes are the smallest of the positive and, by themselves, of the negative weights; as many grow at random at
    empty places (just emptied ones among them, as in the released code), from zero and without momentum.

    Cost: steps are charged under the masks.

    Deviations: nothing moves after the last epoch; the paper removes there without growing, which would miss the
    target. Densities are the allocation's, by default an extension of the paper's Erdos-Renyi rule to convolutions.
    """
    check_fraction("set", zeta=zeta)
    if every < 1:
        raise SpecError(f"set: every = {every} epochs, expected 1 or more")
    held = random_masks(setting)

    def left(layer: str) -> Tensor:
        weight, active = held.weights[layer].detach().reshape(-1), held.factors[layer].reshape(-1) != 0
        positive, negative = active & (weight >= 0), active & (weight < 0)
        remaining = without_smallest(weight, positive, int(zeta * int(positive.sum())))
        return remaining | without_smallest(weight, negative, int(zeta * int(negative.sum())))

    def grow(layer: str, remaining: Tensor, count: int, step: int) -> Tensor:
        generator = setting.generator(f"growth of {layer} after step {step}")
        empty = (~remaining).nonzero().flatten()
        return remaining.index_fill(
            0, empty[torch.randperm(len(empty), generator=generator)[:count].to(empty.device)], True
        )

    def rewire(now: Now) -> None:
        counts = {layer: int((factor != 0).sum()) for layer, factor in held.factors.items()}
        remaining = {layer: left(layer) for layer in counts}
        for layer, factor in held.factors.items():
            factor.copy_(remaining[layer].reshape(factor.shape))
        held.hold()
        held.hold_slots(now.optimizer)
        for layer, factor in held.factors.items():
            count = counts[layer] - int(remaining[layer].sum())
            factor.copy_(grow(layer, remaining[layer], count, now.step).reshape(factor.shape))
        held.publish()

    def on_step(now: Now) -> None:
        epoch, rest = divmod(now.step + 1, setting.per_epoch)
        if rest == 0 and epoch % every == 0 and now.step + 1 < setting.steps:
            rewire(now)
        held.hold()

    return Hook(
        on_gradients=lambda _: held.hold_gradients(),
        on_step=on_step,
        finish=lambda: ranks(held),
        masks=held.masks,
        tensors=held.tensors,
        restored=held.publish,
    )
