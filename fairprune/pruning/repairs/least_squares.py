"""Reconstruction by least squares: He et al. 2017, arXiv:1707.06168, equation 4."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from fairprune.pruning.criterion import Context, Tap
from fairprune.pruning.repair import Remaining, repair


@repair(needs=("taps",), paper="arXiv:1707.06168", granularities=("channel",))
def least_squares(context: Context, remaining: Remaining, *, ridge: float = 1e-6) -> Mapping[str, Tensor]:
    """The weights with which a layer comes closest to its dense outputs, from the inputs that remain; biases stay.

    Minimised is sum over samples |y - W x|^2 + `ridge` * m * |W - W0|^2, with W0 the weights as they stand and m the
    mean over inputs of sum x^2. ThiNet's one factor per channel (arXiv:1707.06342, section 3.2.3) is a special case,
    which this one replaces.

    Deviations: published is plain least squares. So small a ridge only decides what samples leave open (dead inputs,
    copies, fewer samples than inputs), and the error on the samples never becomes larger than with W0.
    """
    return {
        name: _fitted(tap, remaining[name], ridge).reshape(remaining[name].shape) for name, tap in context.taps.items()
    }


def _fitted(tap: Tap, remaining: Tensor, ridge: float) -> Tensor:
    """[out, in, kernel positions]."""
    kept = remaining.reshape(tap.weight.shape).any(0).flatten()
    inputs = tap.inputs.flatten(1)[:, kept].double()
    weight = tap.weight.flatten(1).double()
    weight[:, kept] += change(inputs, tap.outputs.double() - inputs @ weight[:, kept].T, ridge).T
    weight[:, ~kept] = 0
    return weight.reshape(tap.weight.shape)


def change(inputs: Tensor, missing: Tensor, ridge: float) -> Tensor:
    """D that minimises |missing - inputs D|^2 + ridge * m * |D|^2, [in, out], from [samples, in] and [samples, out].

    Solved in fp64 in the smaller of two equivalent systems: of inputs, or of samples where there are fewer.
    """
    samples, width = inputs.shape
    scale = float(inputs.square().sum()) / max(width, 1)
    penalty = ridge * scale if scale else 1.0  # nothing but zeros: nothing changes
    if samples < width:
        return inputs.T @ _solve(inputs @ inputs.T, missing, penalty)
    return _solve(inputs.T @ inputs, inputs.T @ missing, penalty)


def _solve(matrix: Tensor, right: Tensor, penalty: float) -> Tensor:
    matrix.diagonal().add_(penalty)
    return torch.cholesky_solve(right, torch.linalg.cholesky(matrix))
