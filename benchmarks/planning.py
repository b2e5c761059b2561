"""How long planning takes: the runs of a large study, their identities, and all their stages. Prints a table.

    python benchmarks/planning.py              # 100,000 runs
    python benchmarks/planning.py --runs 10000

Nothing is computed: the study is the one of `fairprune demo`, with more seeds. Processor time of one core, the least of
several. The ratio is to the time that hashing every run and stage by itself takes, from a sample in the same run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import fairprune
from fairprune.canonical import digest
from fairprune.launch.session import Session, prepare
from fairprune.launch.site import Site
from fairprune.study import read_study

STUDY = Path(fairprune.__file__).parent / "demo" / "digits.toml"
SAMPLE = 500


def least(run: Callable[[], object], repeats: int) -> float:
    """Seconds of processor time."""
    found = []
    for _ in range(repeats):
        started = time.process_time()
        run()
        found.append(time.process_time() - started)
    return min(found)


def by_themselves(session: Session) -> float:
    """Seconds that hashing each run and each of its stages by itself would take, from a sample."""
    sample = session.points[:: max(1, len(session.points) // SAMPLE)]
    stages = session.stages(sample)

    def hash_all() -> None:
        for point in sample:
            digest(point.spec.model_dump(mode="json"))
        for stage in stages:
            digest({"kind": stage.kind, "spec": dict(stage.spec), "parents": [parent.key for parent in stage.parents]})

    return least(hash_all, 3) * len(session.points) / len(sample)


def main() -> None:
    """Print what planning takes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        site = Site(Path(folder), None, Path(folder), False)
        few = len(prepare(read_study(STUDY, ["seeds=1"]), site).points)
        study = read_study(STUDY, [f"seeds={max(1, asked.runs // few)}"])
        runs = least(lambda: prepare(study, site), asked.repeats)
        session = prepare(study, site)
        stages = least(lambda: prepare(study, site).stages(session.points), asked.repeats)
        number = len(session.stages(session.points))
        print(f"{len(session.points):,} runs: {runs:.1f} s; with their {number:,} stages: {stages:.1f} s")
        print(
            f"hashing each by itself: {by_themselves(session):.1f} s, {by_themselves(session) / stages:.1f} times that"
        )


if __name__ == "__main__":
    main()
