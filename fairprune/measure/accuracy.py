"""Objectives: what a task's loss and metrics are; and evaluation over exactly the samples there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairprune.data.batches import Loader
from fairprune.record import Metric

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class Quantity:
    """What a metric measures."""

    name: str
    direction: Literal["higher", "lower"]
    unit: str


class Objective(Protocol):
    """Loss and metrics of a batch. `quantities` name the columns of `measure`; the first one selects checkpoints."""

    quantities: tuple[Quantity, ...]

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """Mean loss of the batch, a scalar."""
        ...

    def measure(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Every quantity for every sample, fp32 [batch, len(quantities)]. The first is 1 where a sample is right."""
        ...


class Classification:
    """Cross-entropy; top-1 and top-5 accuracy as fractions, loss in nats (without smoothing)."""

    quantities = (
        Quantity("top1", "higher", "fraction"),
        Quantity("top5", "higher", "fraction"),
        Quantity("loss", "lower", "nats"),
    )

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """Cross-entropy of logits [batch, classes] and class indices [batch]."""
        return F.cross_entropy(outputs.float(), targets, label_smoothing=smoothing)

    def measure(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Top-1, top-5 (all classes where there are fewer than 5) and loss. Rank 1 breaks ties by class index."""
        logits = outputs.float()
        own = logits.gather(1, targets[:, None])
        index = torch.arange(logits.shape[1], device=logits.device)
        ahead = (logits > own) | ((logits == own) & (index < targets[:, None]))
        rank = ahead.sum(1)
        right = torch.isfinite(logits).all(1)
        loss = F.cross_entropy(logits, targets, reduction="none")
        return torch.stack([((rank < 1) & right).float(), ((rank < 5) & right).float(), loss], 1)


classification = Classification()


@dataclass(frozen=True)
class Evaluation:
    """Means over all samples, and which samples were right."""

    values: dict[str, float]
    correct: np.ndarray  # bool [n], in the split's order
    quantities: tuple[Quantity, ...]

    def metrics(self, split: Literal["train", "validation", "test"], when: str) -> tuple[Metric, ...]:
        """The means as metrics of a record; a mean that is not finite is left out."""
        return tuple(
            Metric(
                name=q.name,
                split=split,
                value=self.values[q.name],
                direction=q.direction,
                unit=q.unit,
                n=len(self.correct),
                when=when,
            )
            for q in self.quantities
            if np.isfinite(self.values[q.name])
        )


def evaluate(network: nn.Module, loader: Loader, objective: Objective, precision: Precision = "fp32") -> Evaluation:
    """Measure a network on a split: every sample once, in order, in evaluation mode.

    The network is left as it was, and so are torch's generators, even if its forward pass draws numbers.
    """
    rows = []
    devices = [loader.device] if loader.device.type == "cuda" else []
    with evaluating(network), torch.random.fork_rng(devices=devices), torch.inference_mode():
        for images, targets in loader.ordered():
            with torch.autocast(images.device.type, torch.bfloat16, enabled=precision == "bf16"):
                outputs = network(images)
            rows.append(objective.measure(outputs, targets))
    table = torch.cat(rows).double()
    means = table.mean(0).tolist()
    values = {q.name: mean for q, mean in zip(objective.quantities, means, strict=True)}
    return Evaluation(values, (table[:, 0] == 1).cpu().numpy(), objective.quantities)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; every module gets its own flag back."""
    flags = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, training in flags.items():
            module.training = training
