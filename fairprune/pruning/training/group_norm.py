"""Group-level sparse learning of DepGraph: whole dependency groups shrink, Fang et al. 2023, arXiv:2301.12900."""

from __future__ import annotations

import torch
from torch import Tensor

from fairprune.errors import PruneError
from fairprune.hook import Hook, Now
from fairprune.pruning.training.dependents import dependents_of
from fairprune.pruning.training.filters import channels_of, pull
from fairprune.pruning.training_method import Setting, training_method


@training_method(paper="arXiv:2301.12900", granularities=("channel",), bound=False, allocation="uniform")
def group_norm(setting: Setting, *, reg: float = 1e-4, alpha: float = 4.0, every: int = 10) -> Hook:
    """Add reg * gamma * w to the gradient of all that depends on a unit: filters, the columns that read them, scales.

    gamma_k = 2^(alpha (I_max - I_k) / (I_max - I_min)) over the units of a group, I_k the L2 norm of all that depends
    on unit k: small units shrink up to 2^alpha times as fast. A weight between two groups is pulled by both. Where all
    norms of a group are equal, gamma is 1. As released: alpha 4, reg 1e-4 (5e-4 in its CIFAR runs), no biases or
    shifts.

    Scores are these norms after training, relative to their mean in the group: the paper's relative score, which
    compares groups under a global allocation.

    Deviations: norms and not their squares (the paper's text) are in gamma, as released. Norms change slowly, so gamma
    is worked out every `every` steps (released: at every step, 1). Depthwise filters belong to what depends on a unit;
    the released code leaves them out. The mean is over all units of a group, in the paper over the N largest.
    """
    if not (reg >= 0 and alpha >= 0 and every >= 1):
        raise PruneError(f"group_norm: reg {reg:g}, alpha {alpha:g}, every {every}: expected 0, 0 and 1, or more")
    space = channels_of(setting)
    dependents = dependents_of(setting.network, space)
    gamma = torch.ones_like(dependents.norms())
    factors = [(parameter, torch.zeros_like(parameter, requires_grad=False)) for parameter in dependents.parameters]

    def restored() -> None:
        dependents.spread(gamma, [factor for _, factor in factors])

    def on_gradients(now: Now) -> None:
        if now.step % every == 0:
            norms = dependents.norms()
            least, most = dependents.extremes(norms)
            span = most - least
            gamma.copy_(torch.where(span > 0, (most - norms) / span, 0).mul(alpha).exp2())
            restored()
        pull(factors, reg)

    def finish() -> dict[str, Tensor]:
        norms = dependents.norms()
        mean = dependents.means(norms)
        relative = torch.where(mean > 0, norms / mean, 0)
        padded = torch.cat([relative.cpu(), torch.zeros(1)])  # channels that have to stay are unit -1
        return {layer: padded[torch.from_numpy(space.units.sides[f"{layer}/out"])] for layer in space.layers}

    return Hook(on_gradients=on_gradients, finish=finish, tensors={"gamma": gamma}, restored=restored)
