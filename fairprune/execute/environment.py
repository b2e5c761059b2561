"""Where and with what a stage was computed: recorded with it, part of no identity."""

from __future__ import annotations

import functools
import platform
import subprocess

import torch

import fairprune
from fairprune.execute.execution import Execution
from fairprune.measure.machine import device_name, processor
from fairprune.record import Environment


def environment(execution: Execution, deterministic: bool) -> Environment:
    """This process's environment."""
    return Environment(
        fairprune=fairprune.__version__,
        python=platform.python_version(),
        torch=torch.__version__,
        platform=platform.platform(terse=True),
        processor=processor(),
        device=device_name(execution.device),
        threads=torch.get_num_threads(),
        deterministic=deterministic,
        git=_revision(),
    )


@functools.cache
def _revision() -> str:
    """The git revision of the working folder, marked where it has uncommitted changes; "" outside a repository."""
    revision = _git("rev-parse", "--short=12", "HEAD")
    return revision + ("+dirty" if revision and _git("status", "--porcelain", "--untracked-files=no") else "")


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
