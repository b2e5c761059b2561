"""What a method may do while a network trains: the contract between the training loop and methods that prune in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Now:
    """Where training stands: the step that is being made (from 0), its learning rate, and the optimizer."""

    step: int
    rate: float
    optimizer: torch.optim.Optimizer


@dataclass(frozen=True)
class Hook:
    """The parts of a method that act on training steps. Each may be left out; the loop calls them in this order.

    penalty       a scalar that is added to the loss of the batch, before it is differentiated
    on_gradients  gradients are there, the optimizer has not moved yet: gradients may be changed
    on_step       after the optimizer's step: weights, masks and the optimizer's slots may be changed
    on_epoch      after the last step of an epoch (counted from 1), before validation is read
    finish        after the last epoch: takes what was put on the network (parameters, forward hooks) off again, and
                  returns layer name -> scores (as a criterion would), or None where a criterion ranks afterwards
    masks         parameter name -> bool: what is multiplied at present, for the ledger; empty: everything. A new
                  mapping whenever it changes: the loop counts again when it sees another object
    overhead      what a step (by its number) costs beyond the three passes of the masked network, in forward passes
                  of the dense one
    tensors       the method's state beside the network's and the optimizer's. Saved after every epoch, and restored
                  in place (copy_) when training resumes, so closures must keep these very tensors. If one is not
                  finite after an epoch, the training has diverged
    restored      called after `tensors` were restored, for what is derived from them
    """

    penalty: Callable[[Now], Tensor] | None = None
    on_gradients: Callable[[Now], None] = lambda _: None
    on_step: Callable[[Now], None] = lambda _: None
    on_epoch: Callable[[int], None] = lambda _: None
    finish: Callable[[], Mapping[str, Tensor] | None] = lambda: None
    masks: Callable[[], Mapping[str, Tensor]] = lambda: _ALL
    overhead: Callable[[int], float] = lambda _: 0.0
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    restored: Callable[[], None] = lambda: None


_ALL: Mapping[str, Tensor] = {}
