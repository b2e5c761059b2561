"""How the gradients of a batch are made: operation by operation, compiled, or replayed from a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fairprune.hook import Now
from fairprune.record import Step
from fairprune.train.course import Course

Gradients = Callable[[Tensor, Tensor, Now], Tensor]  # images, targets -> their mean loss, without the hook's penalty
WARM = 3  # batches before a graph is captured: libraries choose and load what they run


def way(network: nn.Module, course: Course) -> Step:
    """How steps are made: as the course asks, or operation by operation where a method's hook is in the way.

    The compiler passes over forward hooks, or traces them once. A graph replays kernels, so it knows nothing of what
    Python would do next, and the addresses of tensors must stay what they were.
    """
    intercepted = any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
    refused = intercepted or (course.step == "graph" and course.hook is not None)
    return "eager" if refused else course.step


def gradients_of(network: nn.Module, course: Course) -> Gradients:
    """What leaves the gradients of a batch in `.grad` of the parameters, where nothing is before.

    A last batch that is smaller is run operation by operation, rather than compiled or captured once more.
    """
    eager, made = _eager(network, course), way(network, course)
    if made == "eager":
        return eager
    whole = _eager(_compiled(network), course) if made == "compile" else _replayed(network, eager)

    def gradients(images: Tensor, targets: Tensor, now: Now) -> Tensor:
        return (whole if len(targets) == course.train.batch_size else eager)(images, targets, now)

    return gradients


def _compiled(network: nn.Module) -> Any:
    torch.compiler.reset()  # with no more than a warning it gives up on code that it compiled for eight other networks
    return torch.compile(network)


def _eager(forward: Any, course: Course) -> Gradients:
    penalty = course.hook.penalty if course.hook else None

    def gradients(images: Tensor, targets: Tensor, now: Now) -> Tensor:
        with torch.autocast(images.device.type, torch.bfloat16, enabled=course.precision == "bf16"):
            loss = course.objective.loss(forward(images), targets, course.recipe.label_smoothing)
        (loss + penalty(now) if penalty else loss).backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    return gradients


@dataclass(frozen=True)
class _Captured:
    """Kernels from a batch to its gradients, and the tensors that they read and write."""

    graph: Any
    images: Tensor
    targets: Tensor
    loss: Tensor
    gradients: tuple[tuple[nn.Parameter, Tensor], ...]


def _replayed(network: nn.Module, eager: Gradients) -> Gradients:
    captured: list[_Captured] = []

    def gradients(images: Tensor, targets: Tensor, now: Now) -> Tensor:
        if not captured:
            captured.append(_capture(network, eager, images, targets, now))
        [kept] = captured
        kept.images.copy_(images)
        kept.targets.copy_(targets)
        kept.graph.replay()
        for parameter, gradient in kept.gradients:
            parameter.grad = gradient
        return kept.loss

    return gradients


def _capture(network: nn.Module, eager: Gradients, images: Tensor, targets: Tensor, now: Now) -> _Captured:
    """The kernels of a batch, captured after a few that leave no trace in statistics, random state and gradients."""
    images, targets = images.clone(), targets.clone()
    before = [(buffer, buffer.clone()) for buffer in network.buffers()]
    side, here = torch.cuda.Stream(), torch.cuda.current_stream()  # type: ignore[no-untyped-call]
    with torch.random.fork_rng([images.device]), torch.cuda.stream(side):
        side.wait_stream(here)
        for _ in range(WARM):
            eager(images, targets, now)
            network.zero_grad(set_to_none=True)
        here.wait_stream(side)
    for buffer, old in before:
        buffer.copy_(old)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = eager(images, targets, now)
    found = tuple((p, p.grad) for p in network.parameters() if p.grad is not None)
    return _Captured(graph, images, targets, loss, found)
