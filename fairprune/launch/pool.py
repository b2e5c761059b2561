"""Several worker processes on this machine, sharing one store."""

from __future__ import annotations

import multiprocessing
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.queues import Queue

from fairprune.errors import FairpruneError
from fairprune.launch.site import Site
from fairprune.launch.worker import Event, work
from fairprune.stages import Stage

GRACE_SECONDS = 2.0  # between an interrupt and the end of the workers


def work_in_processes(
    site: Site,
    stages: Sequence[Stage],
    jobs: int,
    tell: Callable[[Event], None],
) -> None:
    """Run `jobs` workers until every stage is done or failed. Raises FairpruneError if all of them broke off."""
    context = multiprocessing.get_context("spawn")
    events: Queue[Event | str] = context.Queue()
    workers = [context.Process(target=_worker, args=(site, list(stages), events), daemon=True) for _ in range(jobs)]
    for worker in workers:
        worker.start()
    broken: list[str] = []
    try:
        for event in _events(events, workers):
            broken.append(event) if isinstance(event, str) else tell(event)
    except BaseException:
        _stop(workers)
        raise
    finally:
        for worker in workers:
            worker.join()
    died = [str(worker.exitcode) for worker in workers if worker.exitcode]
    if broken or len(died) == len(workers):
        raise FairpruneError(broken[0] if broken else f"every worker died (exit codes {', '.join(died)})")


def _events(
    events: Queue[Event | str], workers: Sequence[multiprocessing.process.BaseProcess]
) -> Iterator[Event | str]:
    """Events until no worker is left to send any."""
    while True:
        alive = any(worker.is_alive() for worker in workers)
        try:
            yield events.get(timeout=0.2)
        except queue.Empty:
            if not alive:
                return


def _stop(workers: Sequence[multiprocessing.process.BaseProcess]) -> None:
    """End workers to whom nobody listens any more. Ctrl-C has reached them too, and they end by themselves."""
    end = time.monotonic() + GRACE_SECONDS
    for worker in workers:
        worker.join(max(end - time.monotonic(), 0.0))
        worker.terminate()


def _follow_parent() -> None:
    """End with the parent, however it ends: nobody would write the records of an orphan's work."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _worker(site: Site, stages: list[Stage], events: Queue[Event | str]) -> None:
    threading.Thread(target=_follow_parent, daemon=True).start()
    try:
        work(site.open(), stages, events.put)
    except KeyboardInterrupt:
        pass  # the lease is released and the last epoch saved; the parent says what happened
    except FairpruneError as error:
        events.put(str(error))
