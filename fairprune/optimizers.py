"""Optimizers from their specs."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from fairprune.spec import Optimizer


def make_optimizer(network: nn.Module, spec: Optimizer) -> torch.optim.Optimizer:
    """The optimizer of a recipe; with `decay_all = false`, tensors of one dimension (norms, biases) do not decay."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    decayed = [p for p in parameters if spec.decay_all or p.ndim > 1]
    groups: list[dict[str, Any]] = [{"params": decayed, "weight_decay": spec.weight_decay}]
    if not spec.decay_all:
        groups.append({"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0})
    if spec.name == "sgd":
        return torch.optim.SGD(groups, lr=0.0, momentum=spec.momentum, nesterov=spec.nesterov)
    kind = torch.optim.Adam if spec.name == "adam" else torch.optim.AdamW
    return kind(groups, lr=0.0, betas=spec.betas)
