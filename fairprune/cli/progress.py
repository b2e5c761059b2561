"""Live progress of a running study."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from fairprune.launch.worker import Event

PLAIN_SECONDS = 30.0  # between lines where there is no terminal to draw on


class Board:
    """One bar for all stages and a line for each that is running; plain lines where the output is no terminal."""

    def __init__(self, names: Mapping[str, str], *, quiet: bool) -> None:
        self.console = Console(stderr=True)
        self._names = names
        self._draw = not quiet and self.console.is_terminal
        self._talk = not quiet and not self.console.is_terminal
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=self.console,
            disable=not self._draw,
            transient=True,
        )
        self._all = self._progress.add_task("stages", total=len(names), note="")
        self._tasks: dict[str, object] = {}
        self._settled: set[str] = set()
        self._failed: dict[str, str] = {}
        self._computed = 0
        self._total = len(names)
        self._started = self._spoken = time.monotonic()

    def __enter__(self) -> Board:
        self._progress.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._progress.stop()

    def hear(self, event: Event) -> None:
        """Take in what a worker tells."""
        if event.kind == "start":
            self._computed += 1
            self._tasks[event.key] = self._progress.add_task(f"  {self._names[event.key]}", total=None, note="")
        elif event.kind == "epoch" and event.key in self._tasks:
            self._progress.update(self._tasks[event.key], total=event.epochs, completed=event.epoch, note="epochs")  # type: ignore[arg-type]
        elif event.kind in ("done", "failed"):
            self._settle(event)
        self._say()

    def _settle(self, event: Event) -> None:
        if event.key in self._tasks:
            self._progress.remove_task(self._tasks.pop(event.key))  # type: ignore[arg-type]
        if event.kind == "failed" and event.key not in self._failed:
            if event.note not in self._failed.values():
                self.console.print(f"failed: {event.note}", style="red", markup=False, highlight=False)
            self._failed[event.key] = event.note
        if event.key not in self._settled:
            self._settled.add(event.key)
            self._progress.update(self._all, completed=len(self._settled))

    def _say(self) -> None:
        if self._talk and time.monotonic() - self._spoken > PLAIN_SECONDS:
            self._spoken = time.monotonic()
            minutes = (self._spoken - self._started) / 60
            print(f"{len(self._settled)}/{self._total} stages done, {minutes:.1f} min", file=sys.stderr, flush=True)

    def summary(self, name: str, points: int, statuses: Mapping[str, int], store: Path) -> None:
        """What was done, in two lines."""
        seconds = time.monotonic() - self._started
        said = ", ".join(f"{number} {status}" for status, number in statuses.items() if number)
        line = (
            f"{name}: {points} runs chosen, {self._computed} stages computed in {seconds:.0f} s; now {said}; in {store}"
        )
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)
        if any(statuses.get(status) for status in ("failed", "diverged", "skipped")):
            self.console.print("--rerun only-failed tries those that failed, diverged or were skipped once more")
