"""Gradual magnitude pruning: Zhu and Gupta 2017, arXiv:1710.01878."""

from __future__ import annotations

import math

from fairprune.hook import Hook, Now
from fairprune.pruning.training.masked import masked, scores_of
from fairprune.pruning.training.steps import span
from fairprune.pruning.training_method import Setting, training_method


@training_method(paper="arXiv:1710.01878", granularities=("weight",), criterion="magnitude", allocation="uniform")
def gradual(setting: Setting, *, begin: float = 0.0, end: float = 0.75, every: int = 100, updates: int = 10) -> Hook:
    """Prune the smallest weights by and by: what is removed grows by a cubic (equation 1) from none to the target.

    From `begin` to `end`, fractions of this training, masks are chosen anew every `every` steps, in short trainings at
    least `updates` times. As published every layer reaches the same sparsity. Weights that are pruned get no updates.

    Cost: steps are charged under the masks.

    Deviations: the paper chooses the steps of beginning and end by hand for each network. Pruned weights are set to
    zero, so they do not come back; the paper's keep the value they had, and may do so while masks still move.
    """
    steps = span("gradual", setting.steps, begin, end, every, updates)
    held = masked(setting)

    def remask(step: int) -> None:
        scores = scores_of({layer: weight.abs() for layer, weight in held.weights.items()})
        gone = {layer: held.factors[layer].cpu() == 0 for layer in scores}
        left = {layer: score.masked_fill(gone[layer], -math.inf) for layer, score in scores.items()}
        held.put(setting.choose(left, steps.cubic(step)))

    def on_step(now: Now) -> None:
        if steps.due(now.step + 1):
            remask(now.step + 1)
        held.hold()

    if steps.due(0):
        remask(0)
    return Hook(
        on_step=on_step,
        masks=held.masks,
        tensors=held.tensors,
        restored=held.publish,
    )
