"""Live progress of a running study."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from fairprune.cli.pace import Pace
from fairprune.cli.printing import duration
from fairprune.launch.worker import Event

PLAIN_SECONDS = 30.0  # between lines where there is no terminal to draw on


class Board:
    """One bar for all stages and a line for each that is running; plain lines where the output is no terminal.

    `names` are those of all stages, `images` what each trains on; there would be `asked` stages, if runs shared none.
    """

    def __init__(self, names: Mapping[str, str], images: Mapping[str, float], asked: int, *, quiet: bool) -> None:
        self.console = Console(stderr=True)
        self._names = names
        self._asked = asked
        self._draw = not quiet and self.console.is_terminal
        self._talk = not quiet and not self.console.is_terminal
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=self.console,
            disable=not self._draw,
            transient=True,
        )
        self._all = self._progress.add_task("stages", total=len(names), note="")
        self._tasks: dict[str, TaskID] = {}
        self._pace = Pace(images)
        self._settled: set[str] = set()
        self._failed: dict[str, str] = {}
        self._computed = 0
        self._started = self._spoken = time.monotonic()

    def __enter__(self) -> Board:
        self._progress.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._progress.stop()

    def hear(self, event: Event) -> None:
        """Take in what a worker tells."""
        if event.kind == "start":
            self._open()
            self._computed += 1
            self._tasks[event.key] = self._progress.add_task(f"  {self._names[event.key]}", total=None, note="")
            self._pace.start(event.key, time.monotonic())
        elif event.kind == "epoch" and event.key in self._tasks:
            task = self._tasks[event.key]
            self._progress.update(task, total=event.epochs, completed=event.epoch, note="epochs")
            self._pace.epoch(event.key, event.epoch, event.epochs)
        elif event.kind in ("done", "failed"):
            self._settle(event)
        self._progress.update(self._all, completed=len(self._settled), note=self._left())
        self._say()

    def _open(self) -> None:
        """Say how much runs share, once something is computed at all."""
        if (self._draw or self._talk) and not self._computed and self._asked > len(self._names):
            text = f"{len(self._names)} stages, which runs share: {self._asked} if each run computed its own"
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _settle(self, event: Event) -> None:
        if event.key in self._tasks:
            self._progress.remove_task(self._tasks.pop(event.key))
        if event.kind == "failed" and event.key not in self._failed:
            if event.note not in self._failed.values():
                self.console.print(f"failed: {event.note}", style="red", markup=False, highlight=False)
            self._failed[event.key] = event.note
        if event.key not in self._settled:  # every worker tells of it
            self._settled.add(event.key)
            self._pace.settle(event.key)

    def _left(self) -> str:
        seconds = self._pace.seconds_left(time.monotonic())
        return "" if seconds is None else f"about {duration(seconds)} left"

    def _say(self) -> None:
        if self._talk and time.monotonic() - self._spoken > PLAIN_SECONDS:
            self._spoken = time.monotonic()
            minutes = (self._spoken - self._started) / 60
            said = [f"{len(self._settled)}/{len(self._names)} stages done", f"{minutes:.1f} min", self._left()]
            running = "; ".join(self._names[key] for key in self._tasks)
            line = ", ".join(filter(None, said)) + (f"; now: {running}" if running else "")
            print(line, file=sys.stderr, flush=True)

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
