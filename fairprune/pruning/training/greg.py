"""Growing regularisation: filters are driven out by a rising L2 penalty, Wang et al. 2021, arXiv:2012.09243.

factor * weight is added to the gradient of filters, beside weight decay; `growth.py` says how the factor grows.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from fairprune.hook import Hook, Now
from fairprune.pruning.training.filters import (
    Factors,
    channels_of,
    filter_norms,
    pull,
    removed_filters,
    weight_of,
)
from fairprune.pruning.training.growth import stairs
from fairprune.pruning.training_method import Setting, training_method


@training_method(paper="arXiv:2012.09243", granularities=("channel",))
def greg1(setting: Setting, *, ceiling: float = 1.0, grown: float = 0.75, every: int = 0, delta: float = 1e-4) -> Hook:
    """GReg-1: the filters that the target removes by their L1 norms at the start are driven out.

    factor * weight is added to their gradients; the factor grows to `ceiling`. With `every` = 0 it grows evenly until
    the fraction `grown` of the training, otherwise by `delta` every `every` steps. The scores are the norms by which
    filters were chosen, so that exactly those are removed.

    Deviations: published is a factor that grows to 1 by 1e-4 every 10 steps (ImageNet: 5) and stays there for 10,000
    (40,000), so that it has grown for 0.91 (0.56) of the steps, at a learning rate of 1e-3; here length and rate are
    the training's. The released code stops growing early, once kept filters are a thousand times as large as the others
    in every layer, which is left out.
    """
    space = channels_of(setting)
    factor = stairs(0, 0.0, ceiling, share=grown, steps=setting.steps, every=every, delta=delta)
    scores = filter_norms(setting.network, space, 1)
    driven: list[Factors] = [()]

    def restored() -> None:
        driven[0] = removed_filters(setting.network, space, setting.choose(scores))

    restored()
    return Hook(
        on_gradients=lambda now: pull(driven[0], factor(now.step)),
        finish=lambda: scores,
        tensors=scores,
        restored=restored,
    )


@training_method(paper="arXiv:2012.09243", granularities=("channel",))
def greg2(
    setting: Setting,
    *,
    pick_ceiling: float = 1e-2,
    picked: float = 0.25,
    ceiling: float = 1.0,
    grown: float = 0.75,
    every: int = 0,
    pick_delta: float = 1e-5,
    delta: float = 1e-4,
    recover: float = -1e-4,
) -> Hook:
    """GReg-2: all filters are penalised, and those that have become small under it are chosen and driven out.

    The factor of all prunable filters grows to `pick_ceiling`; then the target chooses by L1 norms, the factor of the
    chosen grows on to `ceiling` as in `greg1`, and that of the others is `recover`, which lifts a weight decay of 1e-4.
    `pick_ceiling`, `pick_delta` and `recover` are those of the released code. The scores are the norms at the choice.

    Deviations: those of `greg1`. With `every` = 0 the choice falls after the fraction `picked` of the training, 0.25
    (published: 0.08 on CIFAR, of 119,000 steps). In a short training at a small learning rate filters hardly spread by
    then, and the choice is close to that of GReg-1.
    """
    space, steps = channels_of(setting), setting.steps
    picking = stairs(0, 0.0, pick_ceiling, share=picked, steps=steps, every=every, delta=pick_delta)
    growing = stairs(picking.end, pick_ceiling, ceiling, share=grown, steps=steps, every=every, delta=delta)
    weights = [weight_of(setting.network, layer) for layer in space.layers]
    scores = {layer: torch.zeros_like(norms) for layer, norms in filter_norms(setting.network, space, 1).items()}
    chosen = torch.zeros((), dtype=torch.bool)
    everything = [(weight, torch.ones_like(weight, requires_grad=False)) for weight in weights]
    pulls: list[tuple[Factors, Callable[[int], float]]] = [(everything, picking)]

    def restored() -> None:
        if chosen:
            driven = removed_filters(setting.network, space, setting.choose(scores))
            gone = {id(weight): factor for weight, factor in driven}
            others = [(weight, 1 - gone[id(weight)] if id(weight) in gone else one) for weight, one in everything]
            pulls[:] = [(driven, growing), (others, lambda _: recover)]

    def choose() -> None:
        for layer, norms in filter_norms(setting.network, space, 1).items():
            scores[layer].copy_(norms)
        chosen.fill_(True)
        restored()

    def on_gradients(now: Now) -> None:
        if now.step >= picking.end and not chosen:
            choose()
        for factors, factor in pulls:
            pull(factors, factor(now.step))

    def finish() -> dict[str, torch.Tensor]:
        if not chosen:
            choose()
        return scores

    tensors = {"chosen": chosen} | {f"scores/{layer}": score for layer, score in scores.items()}
    return Hook(on_gradients=on_gradients, finish=finish, tensors=tensors, restored=restored)
