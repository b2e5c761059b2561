"""Masks that move while a method trains: weights, gradients and slots held under them, and what they save."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from fairprune.errors import PruneError
from fairprune.pruning.plan import MaskPlan
from fairprune.pruning.space import Kept, Space
from fairprune.pruning.training_method import Setting


@dataclass(frozen=True)
class Published:
    """What a hook says of masks: parameter name -> bool, and the fraction of the dense multiply-adds they save."""

    masks: Mapping[str, Tensor] = field(default_factory=dict)
    saved: float = 0.0


@dataclass(frozen=True)
class Masked:
    """Weights of a space's layers under masks.

    weights  layer name -> weight, as it is in the network
    factors  layer name -> its mask as factors 0 and 1, of the weight's type and layout: the state, changed in place
    """

    space: Space
    weights: Mapping[str, nn.Parameter]
    factors: Mapping[str, Tensor]
    last: list[Published]  # one entry, replaced whenever masks change

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The masks by names of their own, for `Hook.tensors`."""
        return {f"mask/{layer}": factor for layer, factor in self.factors.items()}

    def masks(self) -> Mapping[str, Tensor]:
        """What is multiplied, for `Hook.masks`."""
        return self.last[0].masks

    def saved(self) -> float:
        """What a pass under the masks saves, in forward passes of the dense network."""
        return self.last[0].saved

    def put(self, kept: Kept) -> None:
        """Keep exactly these units from now on; the weights of others become zero."""
        plan = self.space.plan(kept)
        if not isinstance(plan, MaskPlan):
            raise PruneError(f"weights are masked under granularity 'weight', not '{self.space.granularity}'")
        for layer, factor in self.factors.items():
            factor.copy_(plan.masks[f"{layer}.weight"])
        self.hold()
        self.publish()

    def hold(self) -> None:
        """Set masked weights to zero: neither momentum nor weight decay may bring them back."""
        with torch.no_grad():
            torch._foreach_mul_(list(self.weights.values()), list(self.factors.values()))

    def hold_gradients(self) -> None:
        """Set the gradients of masked weights to zero."""
        for layer, weight in self.weights.items():
            if weight.grad is not None:
                weight.grad.mul_(self.factors[layer])

    def hold_slots(self, optimizer: torch.optim.Optimizer) -> None:
        """Set what the optimizer remembers of masked weights (momentum, squares) to zero."""
        for layer, weight in self.weights.items():
            for slot in optimizer.state.get(weight, {}).values():
                if isinstance(slot, Tensor) and slot.shape == weight.shape:
                    slot.mul_(self.factors[layer])

    def publish(self) -> None:
        """Say that the masks have changed (or were restored)."""
        masks = {f"{layer}.weight": factor.bool() for layer, factor in self.factors.items()}
        counts = {layer: int(masks[f"{layer}.weight"].sum()) for layer in self.factors}
        dense = self.space.size({group.name: group.size for group in self.space.groups}).macs
        self.last[:] = [Published(masks, 1 - self.space.size(counts).macs / max(dense, 1))]


def masked(setting: Setting) -> Masked:
    """The weights of the setting's layers, nothing masked yet."""
    weights = {layer: setting.network.get_parameter(f"{layer}.weight") for layer in setting.space.layers}
    factors = {layer: torch.ones_like(weight, requires_grad=False) for layer, weight in weights.items()}
    return Masked(setting.space, weights, factors, [Published()])


def scores_of(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors as scores to choose by: on the CPU, detached, finite. NaN counts as 0.

    Once weights are not finite nothing is left to choose: the loop says so at the end of the epoch.
    """
    return {layer: value.detach().nan_to_num(0.0).cpu() for layer, value in values.items()}
