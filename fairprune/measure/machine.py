"""What times depend on, in words."""

from __future__ import annotations

import functools
import platform
from pathlib import Path

import torch


def device_name(device: str) -> str:
    """The name of a GPU; "cpu" as it is."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


@functools.cache
def processor() -> str:
    """The name of the processor, as the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
