"""Synaptic flow: how much of the sum of a network's outputs flows through each weight, without any data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.func import functional_call

from fairprune.errors import PruneError, brief
from fairprune.pruning.calibration import GRADIENT, Source, wide
from fairprune.pruning.needs.gradients import check_depends
from fairprune.pruning.needs.uniform import run


def flow(source: Source, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Layer name -> |w| * dR/d|w| / |R|, shape of the weight, fp32 or wider (Tanaka et al. 2020, arXiv:2006.05467).

    R is the sum of the outputs for one input of ones, in evaluation mode, with every parameter and every buffer
    replaced by its absolute value, as in the authors' code. It is computed in fp64, since fp32 overflows on deep
    networks; shares of it fit. The network itself is not changed: fp64 copies stand in.
    Costs three passes of one sample, and the memory of the copies beside what is returned: a gradient is gone before
    the next is there. Raises PruneError for a network in which R is not finite, or falls anywhere.
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
            total = run(lambda image: functional_call(source.network, state, (image,)).sum(), ones)
        except RuntimeError as error:
            raise PruneError(f"the network does not run in fp64, which flow needs: {brief(error)}") from error
        check_depends(total, weights)
        found = _shares(total, scored, [wide(weight) for weight in weights.values()])
    return {name: _checked(name, value, weights[name]) for name, value in zip(weights, found, strict=True)}


def _magnitudes(tensor: Tensor) -> Tensor:
    return tensor.detach().to(torch.float64, copy=True).abs_()


def _shares(total: Tensor, scored: Sequence[Tensor], types: Sequence[torch.dtype]) -> list[Tensor | None]:
    """|w| * dR/d|w| / |R|, each in its type; None for what no path leads through."""
    whole = abs(total.item())
    if not math.isfinite(whole):
        raise PruneError("the flow through the network is not finite, even in fp64: take another criterion")
    kinds, shares = dict(zip(map(id, scored), types, strict=True)), dict[int, Tensor]()

    def keep(copy: Tensor) -> None:
        assert copy.grad is not None
        shares[id(copy)] = copy.grad.mul_(copy).to(kinds[id(copy)])
        copy.grad, copy.data = None, copy.new_empty(0)  # its gradient is the last that reads it

    if whole:
        for copy in {id(copy): copy for copy in scored}.values():
            copy.register_post_accumulate_grad_hook(keep)  # type: ignore[no-untyped-call]
        torch.autograd.backward(total / whole, inputs=scored)
    return [shares.get(id(copy)) for copy in scored]


def _checked(layer: str, value: Tensor | None, weight: Tensor) -> Tensor:
    if value is None:  # no path leads through it
        return torch.zeros_like(weight, dtype=wide(weight))
    least, most = value.aminmax()  # no copy, as a comparison would make
    if not bool(torch.isfinite(least) & torch.isfinite(most)):
        raise PruneError(f"the flow through layer '{layer}' is not finite, even in fp64: take another criterion")
    if least < 0:
        raise PruneError(
            f"larger weights of layer '{layer}' make less flow: something behind it subtracts (layer norm, softmax); "
            f"take another criterion"
        )
    return value
