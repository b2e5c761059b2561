"""RigL: Evci et al. 2020, arXiv:1911.11134, algorithm 1."""

from __future__ import annotations

from torch import Tensor

from fairprune.hook import Hook, Now
from fairprune.pruning.training.dynamic import random_masks, ranks, without_smallest
from fairprune.pruning.training.steps import check_fraction, cosine, interval
from fairprune.pruning.training_method import Setting, training_method


@training_method(paper="arXiv:1911.11134", granularities=("weight",), start="init", allocation="erk")
def rigl(setting: Setting, *, alpha: float = 0.3, every: int = 100, end: float = 0.75, updates: int = 10) -> Hook:
    """Train a random sparse network; every `every` steps the smallest weights go, and others grow by their gradients.

    The fraction that moves falls from `alpha` by a cosine to 0 at `end`, a fraction of this training. In every layer as
    many grow as go: those with the largest gradient of the batch, from zero and without momentum. A weight that goes
    may grow again at once, and then stays what it was (released code). Such a step moves masks, and no weights.

    Cost: steps are charged under the masks; those that move them compute the gradients of all weights.

    Deviations: in short trainings masks move more often, up to `updates` times in all, but never less than 4 steps
    apart. They first move after one interval: at step 0, which the paper's algorithm does not exclude, weights have not
    been trained.
    """
    check_fraction("rigl", alpha=alpha, end=end)
    last = round(end * setting.steps)
    between = interval("rigl", last, every, updates, least=4)
    held = random_masks(setting)
    dense: dict[str, Tensor] = {}

    def due(step: int) -> bool:
        return 0 < step < last and step % between == 0

    def on_gradients(now: Now) -> None:
        if not due(now.step):
            held.hold_gradients()
            return
        dense.update({layer: weight.grad for layer, weight in held.weights.items() if weight.grad is not None})
        for group in now.optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = None  # the optimizer passes over it

    def move(layer: str, share: float) -> None:
        weight, factor = held.weights[layer].detach().reshape(-1), held.factors[layer]
        active = factor.reshape(-1) != 0
        count = int(share * int(active.sum()))
        remaining = without_smallest(weight, active, count)
        wanted = dense[layer].reshape(-1).abs().masked_fill(remaining, -1)
        remaining[wanted.argsort(descending=True, stable=True)[:count]] = True
        factor.copy_(remaining.reshape(factor.shape))

    def on_step(now: Now) -> None:
        if due(now.step):
            for layer in dense:
                move(layer, alpha * cosine(now.step, last))
            dense.clear()
            held.hold_slots(now.optimizer)
            held.publish()
        held.hold()

    return Hook(
        on_gradients=on_gradients,
        on_step=on_step,
        finish=lambda: ranks(held),
        masks=held.masks,
        overhead=lambda step: held.saved() if due(step) else 0.0,
        tensors=held.tensors,
        restored=held.publish,
    )
