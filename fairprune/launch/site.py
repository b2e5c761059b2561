"""Where work happens. Whatever imports torch is imported when it is asked for: reading results needs none of it."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fairprune.execute.execution import Execution
from fairprune.spec import DataSpec
from fairprune.store import open_store

if TYPE_CHECKING:
    from fairprune.data.split import Data
    from fairprune.execute.workshop import Workshop

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of mallopt(3): what is freed above goes back, what is larger is mapped


@dataclass(frozen=True)
class Site:
    """Where work happens: all that a worker process needs to open its workshop."""

    store: Path
    data_root: Path | None = None
    folder: Path | None = None
    download: bool = False  # fetch official files of known data sets that are missing
    execution: Execution = field(default_factory=Execution)
    checkpoints: tuple[tuple[str, Path], ...] = ()  # digest, file

    def open(self, load: Callable[[DataSpec], Data] | None = None) -> Workshop:
        """The workshop of this site. Data comes from `load`, else it is loaded once, on demand."""
        import torch

        from fairprune.execute.workshop import Workshop

        # without it torch refuses deterministic matrix products on CUDA; read when the first of them runs
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        _keep_freed_memory()
        if self.execution.threads:
            torch.set_num_threads(self.execution.threads)
        return Workshop(
            store=open_store(self.store),
            data=load or self.data(),
            checkpoint=lambda digest: dict(self.checkpoints)[digest],
            execution=self.execution,
            folder=self.folder,
        )

    def data(self) -> Callable[[DataSpec], Data]:
        """Loads each data set once."""
        loaded: dict[str, Data] = {}

        def load(spec: DataSpec) -> Data:
            from fairprune.data.load import load_data

            name = spec.model_dump_json()
            if name not in loaded:
                loaded[name] = load_data(spec, self.data_root, self.folder, download=self.download)
            return loaded[name]

        return load


def _keep_freed_memory() -> None:
    """Have the C library (glibc) keep what a step frees for the next one, instead of giving it back to the kernel.

    Pages that come from there have to be zeroed first: on a CPU a tenth of the time of training ResNet-20.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        _ = mallopt(M_MMAP_THRESHOLD, 2**30) or mallopt(M_MMAP_THRESHOLD, 2**25)  # all that older versions take
