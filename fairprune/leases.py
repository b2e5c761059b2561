"""Leases: who computes which stage right now, so that many processes share one store without doing work twice.

A lease is the object `leases/<key>/<number>`, put if absent; its heartbeats are objects of their own. A lease is
dead when its process on this host is gone, or when no new heartbeat was seen for a while; then the next number is
free to take. Nothing depends on clocks of other machines.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from fairprune.errors import StoreError
from fairprune.objects import Objects

BEAT_SECONDS = 10.0
DEAD_SECONDS = 60.0


@dataclass
class Leases:
    """Leases of one worker, and what it has seen of the others'."""

    objects: Objects
    _seen: dict[str, tuple[int, float]] = field(default_factory=dict)  # lease -> beats, when they last grew

    @contextlib.contextmanager
    def hold(self, key: str) -> Iterator[bool]:
        """Yields whether the stage is ours; if so, beats until the block ends and then lets go."""
        name = self._take(key)
        if name is None:
            yield False
            return
        stop = threading.Event()
        thread = threading.Thread(target=self._beat, args=(name, stop), daemon=True)
        thread.start()
        try:
            yield True
        finally:
            stop.set()
            thread.join()
            for old in list(self.objects.names(f"leases/{key}/")):
                self.objects.drop(old)

    def _take(self, key: str) -> str | None:
        names = [name for name in self.objects.names(f"leases/{key}/") if ".beat" not in name]
        number = 0
        if names:
            last = names[-1]
            if not self._dead(last):
                return None
            number = int(last.rsplit("/", 1)[1]) + 1
        name = f"leases/{key}/{number:06d}"
        owner = {"host": socket.gethostname(), "pid": os.getpid(), "started": _started(os.getpid())}
        return name if self.objects.put(name, json.dumps(owner).encode()) else None

    def _dead(self, name: str) -> bool:
        try:
            owner = json.loads(self.objects.get(name) or b"{}")
        except ValueError:
            return True
        if owner.get("host") == socket.gethostname():
            return bool(_started(int(owner["pid"])) != owner["started"])
        beats = sum(1 for _ in self.objects.names(f"{name}.beat/"))
        known, since = self._seen.get(name, (-1, 0.0))
        if beats != known:
            self._seen[name] = beats, time.monotonic()
            return False
        return time.monotonic() - since > DEAD_SECONDS

    def _beat(self, name: str, stop: threading.Event) -> None:
        number = 0
        while not stop.wait(BEAT_SECONDS):
            with contextlib.suppress(StoreError):  # a full disk: the work itself will say so, if it lasts
                self.objects.put(f"{name}.beat/{number:06d}", b"")
            number += 1


def _started(pid: int) -> str:
    """When a process of this host began, as the kernel counts it; "" where there is none or the system cannot say."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 (a kernel file, read once)
            return file.read().rsplit(b")", 1)[1].split()[19].decode()
    except OSError:
        return "alive" if _alive(pid) else ""


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
