"""The most memory that a call takes, read off the operating system (Linux only). Used by the benchmarks here."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

PEAK = Path("/proc/self/clear_refs")  # written to: the most so far is forgotten
KNOWN = PEAK.exists()


def most_beyond(run: Callable[[], object]) -> int:
    """Bytes of this process that are resident at most during a call, less those before it."""
    ctypes.CDLL(None).malloc_trim(0)  # what is freed but held would not count
    before = _resident("VmRSS")
    PEAK.write_text("5")
    kept = run()
    assert kept is not None
    return _resident("VmHWM") - before


def _resident(field: str) -> int:
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field)]
    return int(line.split()[1]) * 1024
