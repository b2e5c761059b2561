"""Movement pruning: Sanh et al. 2020, arXiv:2005.07683, the hard variant with a schedule."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from fairprune.hook import Hook, Now
from fairprune.pruning.training.masked import masked, scores_of
from fairprune.pruning.training.steps import span
from fairprune.pruning.training_method import Setting, training_method


@training_method(paper="arXiv:2005.07683", granularities=("weight",), allocation="uniform")
def movement(setting: Setting, *, begin: float = 0.1, end: float = 0.8, every: int = 10, updates: int = 10) -> Hook:
    """Keep the weights that move away from zero: importance gathers -w * dL/dW', W' the masked weight (section 3).

    The gradient passes straight through the mask, so masked weights gather importance too and may come back. The loss
    moves weights in force alone; momentum and weight decay act on the others as well. The share removed grows by a
    cubic from `begin` to `end`, fractions of this training that the released settings for SQuAD come to. Ranked layer
    by layer, as published.

    Cost: steps are charged under the masks, but with the gradients of all weights.

    Deviations: the paper chooses masks anew at every step; here every `every` steps, in short trainings at least
    `updates` times, and after the last one. Importance is gathered at a constant rate, as in equation 5 (whose value
    does not matter for a ranking), without the Adam of the released code.
    """
    steps = span("movement", setting.steps, begin, end, every, updates)
    held = masked(setting)
    whole = {layer: weight.detach().clone() for layer, weight in held.weights.items()}
    importance = {layer: torch.zeros_like(weight) for layer, weight in whole.items()}

    def on_gradients(_: Now) -> None:
        for layer, weight in held.weights.items():
            weight.detach().copy_(whole[layer])  # what the optimizer moves; until now the masked weight was there
            if weight.grad is not None:
                importance[layer].addcmul_(whole[layer], weight.grad, value=-1)
        held.hold_gradients()

    def on_step(now: Now) -> None:
        for layer, weight in held.weights.items():
            whole[layer].copy_(weight.detach())
        step = now.step + 1
        if steps.due(step) or (step > steps.end and (step - steps.end) % steps.every == 0) or step == setting.steps:
            held.put(setting.choose(scores_of(importance), steps.cubic(step)))
        held.hold()

    if steps.end == 0:
        held.put(setting.choose(scores_of(importance)))
    return Hook(
        on_gradients=on_gradients,
        on_step=on_step,
        finish=lambda: {layer: score.clone() for layer, score in importance.items()},
        masks=held.masks,
        overhead=lambda _: held.saved(),
        tensors=held.tensors | _named("whole", whole) | _named("importance", importance),
        restored=held.publish,
    )


def _named(what: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{what}/{layer}": tensor for layer, tensor in tensors.items()}
