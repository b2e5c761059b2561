"""Synaptic flow: how the sum of a network's outputs grows with the magnitude of each weight, without any data."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.func import functional_call

from fairprune.errors import PruneError, brief
from fairprune.pruning.calibration import GRADIENT, Source
from fairprune.pruning.needs.gradients import check_depends


def flow(source: Source, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Layer name -> dR/d|w|, fp64, shape of the weight (Tanaka et al. 2020, arXiv:2006.05467).

    R is the sum of the outputs for one input of ones, in evaluation mode, with every parameter and every buffer
    replaced by its absolute value, as in the authors' code. The network itself is not changed: fp64 copies stand in.
    Costs three passes of one sample, and the memory of two fp64 copies of the weights. Raises PruneError for a network
    in which R is not finite, or falls anywhere.
    """
    if not source.example.is_floating_point():
        raise PruneError(f"flow needs inputs that can be ones, not {source.example.dtype}: take another criterion")
    copies = {id(p): _magnitudes(p) for p in source.network.parameters()}
    scored = [copies[id(weight)].requires_grad_() for weight in weights.values()]
    state = {name: copies[id(p)] for name, p in source.network.named_parameters(remove_duplicate=False)}
    state |= {name: _magnitudes(b) for name, b in source.network.named_buffers() if b.is_floating_point()}
    ones = torch.ones_like(source.example[:1], dtype=torch.float64, device=scored[0].device)
    source.meter.charge(1, GRADIENT)
    with torch.enable_grad():
        try:
            total = functional_call(source.network, state, (ones,)).sum()
        except RuntimeError as error:
            raise PruneError(f"the network does not run in fp64, which flow needs: {brief(error)}") from error
        check_depends(total, weights)
        found = torch.autograd.grad(total, scored, allow_unused=True)
    return {name: _checked(name, value, weights[name]) for name, value in zip(weights, found, strict=True)}


def _magnitudes(tensor: Tensor) -> Tensor:
    return tensor.detach().to(torch.float64, copy=True).abs_()


def _checked(layer: str, value: Tensor | None, weight: Tensor) -> Tensor:
    if value is None:  # no path leads through it
        return torch.zeros_like(weight, dtype=torch.float64)
    least, most = value.aminmax()  # no copy, as a comparison would make
    if not bool(torch.isfinite(least) & torch.isfinite(most)):
        raise PruneError(f"the flow through layer '{layer}' is not finite, even in fp64: take another criterion")
    if least < 0:
        raise PruneError(
            f"larger weights of layer '{layer}' make less flow: something behind it subtracts (layer norm, softmax); "
            f"take another criterion"
        )
    return value
