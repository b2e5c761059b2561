"""What a study adds to the work of its stages: resolving, hashing, checking, saving, recording. Prints a table.

    FAIRPRUNE_DATA=data python benchmarks/overhead.py             # some minutes: ResNet-20 on CIFAR-10
    FAIRPRUNE_DATA=data python benchmarks/overhead.py --methods l1-norm --seeds 1

A part of studies/cifar10-filters.toml runs in an empty store, one worker in this process. Work is the training loop,
evaluations, scoring and deciding what to prune; all else is what the study adds, from reading the file to the last
record: loading data and checkpoints, identities, plans, tracing networks, states saved after every epoch, results and
records written. A second pass, with everything in the store, shows what a study costs that has nothing to do.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from fairprune.execute import measuring, pruning, training
from fairprune.execute.execution import Execution
from fairprune.execute.partial import Saver
from fairprune.launch.session import run
from fairprune.launch.site import Site
from fairprune.reading import session_of
from fairprune.store import Store
from fairprune.study import Study, read_study

STUDY = Path(__file__).parent.parent / "studies" / "cifar10-filters.toml"
WORK = {training: ("fit", "evaluate"), pruning: ("evaluate", "decide", "score_space"), measuring: ("evaluate",)}
SAVING = {Saver: ("save",), Store: ("put_blob", "put_tensors", "put_stage", "put_record", "usable", "tensors")}


class Clock:
    """Seconds in some functions, each less what it spends in others of them."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._inside: list[float] = []  # seconds of inner ones, for each that is running

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its time taken."""

        def run(*args: Any, **kwargs: Any) -> Any:
            self._inside.append(0.0)
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                took = time.perf_counter() - start
                self.spent[name] += took - self._inside.pop()
                if self._inside:
                    self._inside[-1] += took

        return run


@contextmanager
def clocked() -> Iterator[Clock]:
    """A clock over work and saving while the block runs."""
    clock, patches = Clock(), []
    for kind, places in (("work", WORK), ("saving", SAVING)):
        for place, names in places.items():
            for name in names:
                timed = clock.timed(f"{kind}: {name}", getattr(place, name))
                patches.append(mock.patch.object(place, name, timed))
    for patch in patches:
        patch.start()
    try:
        yield clock
    finally:
        for patch in patches:
            patch.stop()


def part(methods: list[str], seeds: int) -> Study:
    """The study with some of its methods and seeds."""
    study = read_study(STUDY, [f"seeds={seeds}"])
    return study.model_copy(update={"methods": {name: study.methods[name] for name in methods}})


def once(study: Study, site: Site) -> dict[str, Any]:
    """Run what is missing: seconds in all, at work, saving, and otherwise."""
    start = time.perf_counter()
    with clocked() as clock:
        session = session_of(study, site)
        prepared = time.perf_counter() - start
        runs = run(session, "only-missing", 1, lambda _: None)
    whole = time.perf_counter() - start
    work = sum(spent for name, spent in clock.spent.items() if name.startswith("work"))
    saving = sum(spent for name, spent in clock.spent.items() if name.startswith("saving"))
    return {
        "runs": runs,
        "seconds": whole,
        "work": work,
        "resolving, with the data": prepared,
        "saving and reading back": saving,
        "all else": whole - work - saving - prepared,
        "added": (whole - work) / work if work else None,
    }


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=["l1-norm", "taylor", "slimming"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    study = part(asked.methods, asked.seeds)
    with tempfile.TemporaryDirectory() as store:
        site = Site(Path(store), folder=STUDY.parent, execution=Execution(threads=asked.threads))
        found = {"the study": once(study, site), "again": once(study, site)}
    if asked.json:
        print(json.dumps({"torch": torch.__version__, "threads": asked.threads, **found}))
        return
    print(f"torch {torch.__version__}, {asked.threads} threads, {found['the study']['runs']} runs")
    for name, values in found.items():
        print(name)
        for what, value in values.items():
            if what != "runs" and value is not None:
                print(f"    {what:<26}" + (f"{value:>9.1%}" if what == "added" else f"{value:>8.2f} s"))


if __name__ == "__main__":
    main()
