"""Adam for what methods learn beside the network: Kingma and Ba 2015, arXiv:1412.6980."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

TRAVEL = 10.0  # how far a logarithm has to be able to go in one training


def adam(parameters: Mapping[str, Tensor], rate: float, steps: int) -> tuple[torch.optim.Adam, dict[str, Tensor]]:
    """An optimizer for these tensors (leaves, by name), and all its state, by names for `Hook.tensors`.

    They are logarithms, which Adam moves by up to `rate` a step: in a training too short to go TRAVEL at this rate
    it is TRAVEL / steps. A rate of their own, because the recipe's rate and weight decay are for weights.
    """
    optimizer = torch.optim.Adam(parameters.values(), lr=max(rate, TRAVEL / max(steps, 1)))
    tensors = {}
    for name, parameter in parameters.items():
        slots = {
            "step": torch.zeros(()),
            "exp_avg": torch.zeros_like(parameter, requires_grad=False),
            "exp_avg_sq": torch.zeros_like(parameter, requires_grad=False),
        }
        optimizer.state[parameter] = slots  # there from the start, so that they can be restored in place
        tensors[name] = parameter.detach()
        tensors |= {f"{name}/{slot}": value for slot, value in slots.items()}
    return optimizer, tensors
