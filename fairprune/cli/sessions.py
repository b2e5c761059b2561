"""From command-line options to a session."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from fairprune.audit.demand import check_demand
from fairprune.errors import SpecError, brief
from fairprune.execute.workshop import Execution
from fairprune.launch.session import Recall, Session, prepare
from fairprune.launch.worker import Site
from fairprune.study import Study, read_study


def open_session(
    path: Path,
    overrides: Sequence[str] | None,
    store: Path,
    data_root: Path | None,
    execution: Execution | None = None,
    *,
    download: bool = False,
    recall: Recall = lambda _: None,
) -> Session:
    """The study in a file, resolved, with its results in a store. A user's own components lie beside the file."""
    site = Site(store, data_root, path.resolve().parent, download, execution or Execution())
    return session_of(read_study(path, overrides or ()), site, recall)


def session_of(study: Study, site: Site, recall: Recall = lambda _: None) -> Session:
    """A study, resolved, and refused where it cannot meet the setup that it demands."""
    session = prepare(study, site, recall)
    check_demand(study, session.points)
    return session


def resources(device: str, jobs: int, threads: int, compiled: bool) -> tuple[Execution, int]:
    """How to execute, and with how many workers: one a core on CPUs (each with one thread), one on a GPU."""
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise SpecError(f"device '{device}' cannot be used: {brief(error)}") from None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    jobs = jobs or (cores if device == "cpu" else 1)
    return Execution(device=device, threads=threads or max(1, cores // jobs), compiled=compiled), jobs
