"""From command-line options to how a study is executed."""

from __future__ import annotations

import os

from fairprune.errors import SpecError, brief
from fairprune.execute.execution import Execution
from fairprune.record import Step


def resources(device: str, jobs: int, threads: int, step: Step = "eager") -> tuple[Execution, int]:
    """How to execute, and with how many workers: one a core on CPUs (each with one thread), one on a GPU."""
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise SpecError(f"device '{device}' cannot be used: {brief(error)}") from None
    if step == "graph" and not device.startswith("cuda"):
        raise SpecError(f"--step graph on device '{device}': CUDA graphs need a CUDA device; expected eager or compile")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    jobs = jobs or (cores if device == "cpu" else 1)
    return Execution(device=device, threads=threads or max(1, cores // jobs), step=step), jobs
