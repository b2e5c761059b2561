"""Sparse variational dropout: Molchanov et al. 2017, arXiv:1701.05369."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairprune.errors import PruneError, SpecError
from fairprune.hook import Hook, Now
from fairprune.pruning.training.adam import adam
from fairprune.pruning.training.steps import check_fraction
from fairprune.pruning.training_method import Setting, training_method

K1, K2, K3 = 0.63576, 1.87320, 1.48695  # equation 14
TINY = 1e-8  # under logarithms and roots


@training_method(paper="arXiv:1701.05369", granularities=("weight",), start="init", bound=False, allocation="global")
def variational_dropout(
    setting: Setting,
    *,
    pretrain: float = 0.0,
    warm_up: float = 0.25,
    strength: float = 1.0,
    log_sigma: float = -10.0,
    rate: float = 1e-3,
) -> Hook:
    """Learn a variance for every weight, w ~ N(theta, sigma^2), under a log-uniform prior; scores: -log alpha.

    alpha = sigma^2 / theta^2. Outputs are drawn, not weights (local reparametrisation, section 4.2). The penalty is
    `strength` / samples * KL by the paper's approximation (equation 14); strength 1 is the evidence lower bound. For a
    fraction `pretrain` of this training nothing is drawn or penalised, then the penalty grows linearly over a fraction
    `warm_up`. log sigma^2 starts at `log_sigma` (released code) and is trained by Adam at `rate`; theta, the network's
    weights, as the recipe says. In evaluation and afterwards the network has weights theta.

    Cost: mean and variance of outputs are a pass each, so prunable layers are charged twice.

    Deviations: the paper prunes log alpha > 3; here the target decides how many. It warms up or pretrains for no stated
    number of epochs: 0.25 and 0 are ours. It has one Adam for theta and variances; here that of log sigma^2 is its own,
    its rate raised to 10 / steps in short trainings. The released code's clipping of log alpha is left out.
    """
    check_fraction("variational_dropout", pretrain=pretrain, warm_up=warm_up)
    if not strength >= 0:
        raise SpecError(f"variational_dropout: strength = {strength:g}, expected 0 or more")
    weights = {layer: setting.network.get_parameter(f"{layer}.weight") for layer in setting.space.layers}
    logs = {layer: torch.full_like(weight, log_sigma).requires_grad_() for layer, weight in weights.items()}
    learnt = {f"log_sigma/{layer}": log for layer, log in logs.items()}
    optimizer, tensors = adam(learnt, rate, setting.steps)
    begin, ramp = round(pretrain * setting.steps), round(warm_up * setting.steps)
    done = torch.zeros((), dtype=torch.int64)  # steps so far, on the CPU: read without waiting for the device
    silent = set(logs)  # layers that were never called

    def noisy(layer: str, module: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> Tensor:
        silent.discard(layer)
        return drawn(module, inputs[0], out, logs[layer].exp()) if module.training and done >= begin else out

    def penalty(now: Now) -> Tensor:
        if silent:
            raise PruneError(f"variational_dropout: layer '{min(silent)}' is not called as a module: spare it")
        if now.step < begin:
            return done.new_zeros((), dtype=torch.float32)
        share = min((now.step - begin) / ramp, 1.0) if ramp else 1.0
        parts = [divergence(log_alpha(weights[layer], log)).sum() for layer, log in logs.items()]
        return share * strength / setting.samples * torch.stack(parts).sum()

    def on_step(now: Now) -> None:
        optimizer.step()  # nothing before `begin`: there are no gradients
        optimizer.zero_grad()
        done.fill_(now.step + 1)

    def finish() -> dict[str, Tensor]:
        for handle in handles:
            handle.remove()
        return {layer: -log_alpha(weights[layer], log).detach() for layer, log in logs.items()}

    handles = [setting.network.get_submodule(layer).register_forward_hook(partial(noisy, layer)) for layer in logs]
    twice = prunable(setting)
    return Hook(
        penalty=penalty,
        on_step=on_step,
        finish=finish,
        overhead=lambda step: 3 * twice if step >= begin else 0.0,
        tensors=tensors | {"steps": done},
    )


def log_alpha(weight: Tensor, log_sigma: Tensor) -> Tensor:
    """log(sigma^2 / theta^2), finite for a weight of 0."""
    return log_sigma - torch.log(weight.square() + TINY)


def divergence(log_alpha: Tensor) -> Tensor:
    """KL from the log-uniform prior to N(theta, alpha theta^2), approximated (equation 14); 0 for alpha large."""
    return K1 * (1 - torch.sigmoid(K2 + K3 * log_alpha)) + 0.5 * F.softplus(-log_alpha)


def drawn(module: nn.Module, inputs: Tensor, out: Tensor, variance: Tensor) -> Tensor:
    """Outputs drawn around those of the layer's mean weights, given the variance of every weight."""
    squares = inputs.square()
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        spread: Tensor = module._conv_forward(squares, variance, None)
    else:
        spread = F.linear(squares, variance)
    deviation = (spread.float() + TINY).sqrt()  # of a dead input it is not 0, where the root has no slope
    noise: Tensor = deviation * torch.randn_like(deviation)
    return out + noise.to(out.dtype)


def prunable(setting: Setting) -> float:
    """The part of the network's multiply-adds that its prunable layers make."""
    groups = setting.space.groups
    whole = setting.space.size({group.name: group.size for group in groups}).macs
    return 1 - setting.space.size({group.name: 0 for group in groups}).macs / max(whole, 1)
