"""The empirical Fisher matrix of single layers, block by block, and what optimal brain surgeon reads off its inverse.

F = damp I + 1/N sum over N chunks of g g^T, with g a chunk's gradient of the layer's weights, for blocks of consecutive
weights of the flattened layer; what lies between blocks counts as zero (WoodFisher: Singh and Alistarh 2020,
arXiv:2004.14340). Inverses are taken by the Woodbury identity, which is the paper's recursion in one step, where there
are fewer gradients than weights in a block, and directly where there are more. Sums and inverses are fp64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from fairprune.errors import PruneError, SpecError
from fairprune.pruning.criterion import Context

BLOCK = 2000  # weights; the paper's for ResNet-50
DAMP = 1e-5  # the paper's, for all its networks
CHUNK = 1  # the paper's for CIFAR ResNet-20: one gradient per image
LIMIT = 8.0  # GB

_FOLDED = 64  # gradients that wait before they are added to sums
_WORK = 1 << 23  # numbers that a step over some blocks may take


@dataclass(frozen=True)
class Settings:
    """How F is made: weights per block, what is added to its diagonal, images per gradient, GB that it may take."""

    block: int = BLOCK
    damp: float = DAMP
    chunk: int = CHUNK
    limit: float = LIMIT

    def __post_init__(self) -> None:
        """Raise SpecError for values that cannot mean anything."""
        for name, value in (("block", self.block), ("chunk", self.chunk)):
            if not isinstance(value, int) or value < 1:
                raise SpecError(f"option '{name}' of obs is {value}, expected a whole number from 1")
        for name, amount in (("damp", self.damp), ("limit", self.limit)):
            if not 0 < amount < math.inf:
                raise SpecError(f"option '{name}' of obs is {amount}, expected a number above 0")


def fishers(context: Context, settings: Settings, taking_part: Mapping[str, Tensor] | None = None) -> dict[str, Fisher]:
    """F of every layer of the context, in one pass over its gradient stream.

    `taking_part` holds masks of the weights' shapes; gradients of the other weights count as zero. A last chunk with
    fewer images counts as much as the others. Raises PruneError as soon as memory would exceed the limit, and where
    there is no gradient.
    """
    layers = {name: Fisher(name, weight.numel(), settings) for name, weight in context.weights.items()}
    sizes = {name: layer.weights for name, layer in layers.items()}
    count = 0
    for gradients in context.gradient_stream(settings.chunk):
        count += 1
        check_memory(sizes, count, settings)
        for name, layer in layers.items():
            gradient = gradients[name]
            layer.add(gradient * taking_part[name] if taking_part else gradient)
    if not count:
        raise PruneError("obs needs gradients on calibration samples, and there are none")
    return layers


def check_layers(shapes: Mapping[str, torch.Size], samples: int, options: Mapping[str, Any]) -> None:
    """The check of criterion and repair `obs`: `check_memory` for layers with weights of such shapes."""
    settings = Settings(**options)
    sizes = {name: shape.numel() for name, shape in shapes.items()}
    check_memory(sizes, math.ceil(samples / settings.chunk), settings)


def check_memory(sizes: Mapping[str, int], gradients: int, settings: Settings) -> None:
    """Raise PruneError if F of layers with so many weights would take more than the limit, with that many gradients.

    Counted are 4 bytes x weights x gradients while those are no more than a block's weights (the gradients are kept),
    and 12 bytes x weights x block beyond (sums in fp64, and the gradients while they are folded into them). What a step
    over some blocks takes beside that is a few hundred MB.
    """
    taken = {name: memory(n, gradients, settings.block) for name, n in sizes.items()}
    total, budget = sum(taken.values()), settings.limit * 1e9
    if total <= budget:
        return
    largest = max(taken, key=lambda name: taken[name])
    fits = int(budget / (12 * sum(sizes.values())))
    smaller = f"a block of {fits} fits" if fits else "no block is small enough"
    raise PruneError(
        f"obs would take {total / 1e9:.3g} GB for {sum(sizes.values()):,} weights in blocks of {settings.block} with "
        f"{gradients:,} gradients, and its limit is {settings.limit:g} GB; most of it is for layer '{largest}' "
        f"({sizes[largest]:,} weights, {taken[largest] / 1e9:.3g} GB): {smaller}; or spare layers, put more images "
        "into a chunk, or raise the limit"
    )


def memory(weights: int, gradients: int, block: int) -> int:
    """Bytes that F of one layer takes at most."""
    width = min(block, weights)
    return weights * (4 * gradients if gradients <= width else 12 * width)


@dataclass
class Fisher:
    """One layer's F, filled gradient by gradient.

    The gradients themselves are kept while they are no more than the weights of a block, [weights] each, and then their
    sums, [blocks, block, block] in fp64. So memory never exceeds 12 bytes x weights x block.
    """

    name: str
    weights: int
    settings: Settings
    count: int = 0
    rows: list[Tensor] = field(default_factory=list)
    sums: Tensor | None = None

    @property
    def block(self) -> int:
        """Weights per block: all, for a layer that is smaller."""
        return min(self.settings.block, self.weights)

    def add(self, gradient: Tensor) -> None:
        """Add a chunk's gradient, of any shape."""
        self.rows.append(gradient.detach().reshape(-1).clone())
        self.count += 1
        if len(self.rows) > (self.block if self.sums is None else min(self.block, _FOLDED)):
            self.fold()

    def fold(self) -> None:
        """Replace the gradients that are kept by their sums."""
        blocks = math.ceil(self.weights / self.block)
        if self.sums is None:
            self.sums = self.rows[0].new_zeros((blocks, self.block, self.block), dtype=torch.float64)
        for span in self._spans():
            rows = self._rows(span)
            self.sums[span].baddbmm_(rows.mT, rows)
        self.rows.clear()

    def inverse_diagonal(self) -> Tensor:
        """Diagonal of F^-1, [weights], fp64: above zero. Raises PruneError for gradients that have no inverse."""
        self._settle()
        found = []
        for span in self._spans():
            if self.sums is None:
                rows = self._rows(span)
                lower = self._factor(rows @ rows.mT, self.settings.damp * self.count)
                explained = torch.linalg.solve_triangular(lower, rows, upper=False).square().sum(-2)
                # exactly, no element is below that of F's diagonal alone: rounding must not lead below it either
                least = self.settings.damp / (self.settings.damp + rows.square().sum(-2) / self.count)
                found.append(torch.maximum(1 - explained, least) / self.settings.damp)
            else:
                lower = self._factor(self.sums[span] / self.count, self.settings.damp)
                unit = torch.eye(self.block, dtype=lower.dtype, device=lower.device).expand_as(lower)
                found.append(torch.linalg.solve_triangular(lower, unit, upper=False).square().sum(-2))
        return torch.cat(found).reshape(-1)[: self.weights]

    def compensation(self, weight: Tensor, kept: Tensor) -> Tensor:
        """What to add to the kept weights, so that F grows least when all others become zero: [weights], fp64.

        With Q removed and R kept this is F[R,R]^-1 F[R,Q] w[Q], which equals -F^-1[R,Q] (F^-1[Q,Q])^-1 w[Q]; zero at Q.
        `weight` and `kept` are flat. Raises PruneError for gradients that have no inverse.
        """
        stays, gone = self._padded(kept.double()), self._padded(torch.where(kept, 0.0, weight.double()))
        self._settle()
        found = []
        for span in self._spans():
            stay, lost = stays[span], gone[span].unsqueeze(-1)
            if self.sums is None:
                rows = self._rows(span)
                left = rows * stay.unsqueeze(-2)
                lower = self._factor(left @ left.mT, self.settings.damp * self.count)
                found.append(left.mT @ torch.cholesky_solve(rows @ lost, lower))
            else:
                mean, frame = self.sums[span] / self.count, stay.unsqueeze(-1) * stay.unsqueeze(-2)
                lower = self._factor(mean * frame, self.settings.damp)
                found.append(torch.cholesky_solve(stay.unsqueeze(-1) * (mean @ lost), lower))
        return torch.cat(found).reshape(-1)[: self.weights]

    def _settle(self) -> None:
        """Where there are sums, no gradient still waits to be added to them."""
        if self.sums is not None and self.rows:
            self.fold()

    def _spans(self) -> Iterator[slice]:
        """Some blocks at a time, so that a step over them needs little memory."""
        at_once = max(1, _WORK // (max(len(self.rows), self.block) * self.block))
        blocks = math.ceil(self.weights / self.block)
        yield from (slice(first, min(first + at_once, blocks)) for first in range(0, blocks, at_once))

    def _rows(self, span: slice) -> Tensor:
        """The gradients of some blocks, [blocks, gradients, block], fp64; zeros past the last weight."""
        cut = slice(span.start * self.block, span.stop * self.block)
        rows = torch.stack([row[cut] for row in self.rows]).double()
        missing = (span.stop - span.start) * self.block - rows.shape[1]
        padded = torch.nn.functional.pad(rows, (0, missing))
        return padded.reshape(len(self.rows), -1, self.block).transpose(0, 1)

    def _padded(self, values: Tensor) -> Tensor:
        return torch.nn.functional.pad(values, (0, -self.weights % self.block)).reshape(-1, self.block)

    def _factor(self, matrices: Tensor, ridge: float) -> Tensor:
        """Lower Cholesky factors of matrices + ridge I."""
        matrices = matrices.clone()
        matrices.diagonal(dim1=-2, dim2=-1).add_(ridge)
        lower: Tensor
        lower, failed = torch.linalg.cholesky_ex(matrices)
        if bool(failed.any()):
            raise PruneError(
                f"obs: gradients of layer '{self.name}' are not finite, or too large for a damp of "
                f"{self.settings.damp:g}: expected a larger one"
            )
        return lower
