"""How long reading a large store takes: a study of many runs, their records with plausible results, and the commands.

    python benchmarks/store.py                               # 20,000 records: status, table
    python benchmarks/store.py --records 10000 --commands audit,report
    python benchmarks/store.py --methods 200 --seeds 5       # many methods
    python benchmarks/store.py --study STUDY.toml            # the runs of another study, all of them
    python benchmarks/store.py --folder FOLDER               # kept there, and taken from there the next time

No network is run: accuracies are drawn, and with them the answers to 10,000 test images and a curve for every training.
Every command runs in a process of its own, each twice and once more after one record was written: processor time and
wall clock. What the store holds is marked by the record's environment, platform "synthetic".
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from fairprune import schedules
from fairprune.canonical import canonical, digest, digest_bytes
from fairprune.expand import Point
from fairprune.launch.session import Session, prepare
from fairprune.launch.site import Site
from fairprune.record import Environment, LedgerEntry, Metric, Parent, Record, Size
from fairprune.sealed import seal
from fairprune.stages import Stage
from fairprune.study import read_study
from fairprune.tensors import write_tensors

IMAGES, LAYERS = 10_000, 20
DENSE = Size(params=270_000, macs=41_000_000)
MACHINE = Environment(fairprune="0", python="3", torch="2", platform="synthetic", processor="none", device="cpu",
                      threads=1, deterministic=True)  # fmt: skip
COMMANDS = ("status", "table", "audit", "report")
START = "from fairprune.cli import main; main()"


def study_text(records: int, methods: int, targets: int, seeds: int) -> str:
    """A study of about so many runs, in as many tasks as that takes. Its methods differ in what they look at."""
    tasks = max(1, round(records / (methods * targets * seeds)))
    lines = ['name = "large"', f"targets = {[1.5 + n / 2 for n in range(targets)]}", f"seeds = {seeds}"]
    for n in range(tasks):
        lines += [f"[tasks.digits-{n}]", f'data = {{ name = "digits", split_seed = {n} }}', 'network = "digits_cnn"']
        lines += ['pretrain = { schedule = "cosine:5e-2->1e-4 total:20 warmup:1" }']
    lines += ["[retraining.finetune]", 'schedule = "cosine:1e-2->1e-4 total:8"', "[methods.random]"]
    lines += ['criterion = "random"', "[methods.magnitude]", 'criterion = "magnitude"']
    for n in range(methods - 2):
        lines += [f"[methods.gradient-{n}]", 'criterion = "gradient_weight"', f"calibration = {{ samples = {16 + n} }}"]
    return "\n".join([*lines, "[controls]", "dense = false", "magnitude = false", ""])


def fill(session: Session, folder: Path, points: tuple[Point, ...]) -> None:
    """Write the records of some runs, with the blobs that they name."""
    for name in ("records", "stages", "blobs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for point in points:
        record = recorded(session, point, folder)
        target = folder / "records" / point.id
        target.mkdir(exist_ok=True)
        (target / f"{len(list(target.iterdir())):04d}.json").write_bytes(seal(record.model_dump(mode="json")))


def recorded(session: Session, point: Point, folder: Path) -> Record:
    """A record as a run leaves one: everything that is drawn comes of its identity."""
    spec, stages = point.spec, session.pipeline(point)
    draw = np.random.default_rng(int(point.id, 16))
    factor = spec.target.value if spec.target else 1.0
    skill = drawn(canonical(spec.method.model_dump(mode="json")) if spec.method else "")
    base = 0.95 + 0.01 * drawn(stages.base.key)
    small = Size(params=round(DENSE.params / factor), macs=round(DENSE.macs / factor * draw.uniform(0.9, 1.1)))
    whens = {"base": base, "pruned": base - 0.1 * factor, "final": base - (0.01 - 0.004 * skill) * factor}
    bits = draw.random(IMAGES) < whens["final"] + draw.normal(0, 0.002)
    whens["final"] = float(bits.mean())
    share = 1 / factor
    return Record(
        id=point.id,
        status="done",
        spec=spec,
        labels=dict(point.labels),
        stages=tuple(Parent(stage=s.kind, key=s.key, digest=digest(s.key)) for s in stages.order),
        ledger=tuple(charged(stage, small) for stage in stages.order),
        metrics=tuple(metric for when, value in whens.items() for metric in measured(when, value)),
        dense=DENSE,
        small=small,
        kept={f"layer{n}": (int(draw.binomial(64, share)), 64) for n in range(LAYERS)},
        curves={s.kind: put(folder, curve(s.key, epochs_of(s))) for s in stages.order if "recipe" in s.spec},
        correct=put(folder, write_tensors(*answers(bits))),
        environment=MACHINE,
        finished="2026-01-01T00:00:00+00:00",
    )


def answers(bits: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tensors and header of packed correctness, as a measure stage leaves it."""
    import torch

    return {"correct": torch.from_numpy(np.packbits(bits)), "n": torch.tensor(len(bits))}, {}


@lru_cache(maxsize=100_000)
def drawn(name: str) -> float:
    """A number from -1 to 1 that belongs to a name."""
    return int(digest(name)[:8], 16) / 2**31 - 1


@lru_cache(maxsize=100_000)
def curve(key: str, epochs: float) -> bytes:
    """An epoch a row, of the stage with that key."""
    rows = [{"epoch": n, "train_loss": 1 / n, "top1": 0.9 + 0.01 * drawn(f"{key}{n}")} for n in range(1, int(epochs))]
    return json.dumps(rows).encode()


def recipe_of(stage: Stage) -> dict[str, Any]:
    """The recipe of a stage that trains."""
    found: Any = stage.spec["recipe"]
    return dict(found)


def epochs_of(stage: Stage) -> float:
    """How long a stage that trains does so."""
    return schedules.parse(recipe_of(stage)["schedule"]).total


def charged(stage: Stage, small: Size) -> LedgerEntry:
    """What a stage cost."""
    fields: dict[str, Any] = {"stage": stage.kind, "seconds": 1 + drawn(stage.key) / 2, "executed": "dense"}
    if "recipe" in stage.spec:
        recipe = recipe_of(stage)
        epochs = epochs_of(stage)
        macs = float(DENSE.macs if stage.kind == "pretrain" else small.macs)
        fields |= {"schedule": recipe["schedule"], "optimizer": canonical(recipe["optimizer"]), "augmentation": ""}
        fields |= {key: recipe["optimizer"][key] for key in ("momentum", "weight_decay")}
        fields |= {"batch_size": recipe["batch_size"], "epochs": epochs, "macs_per_sample": macs}
        fields |= {"samples": 1000 * int(epochs), "multiply_adds": 3000 * epochs * macs}
    elif stage.kind == "measure":
        fields |= {"samples": IMAGES, "test_looks": 1, "multiply_adds": float(IMAGES * small.macs)}
    return LedgerEntry.model_validate(fields)


def measured(when: str, value: float) -> Iterator[Metric]:
    """Accuracy and loss of one network."""
    for split in ("validation", *(() if when == "pruned" else ("test",))):
        n: Any = {"split": split, "when": when, "n": IMAGES if split == "test" else 5000}
        yield Metric(name="top1", value=value, unit="fraction", **n)
        yield Metric(name="loss", value=1 - value, unit="nats", direction="lower", **n)


def put(folder: Path, data: bytes) -> str:
    """Keep a blob."""
    name = digest_bytes(data)
    place = folder / "blobs" / name[:2]
    place.mkdir(exist_ok=True)
    if not (place / name).exists():
        (place / name).write_bytes(data)
    return name


def clocked(command: str, study: Path, store: Path, output: Path) -> tuple[float, float]:
    """Processor time and wall clock of a command, in seconds."""
    more = ["-o", str(output / "report.html")] if command == "report" else []
    asked = [sys.executable, "-c", START, command, str(study), "--store", str(store), *more]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(asked, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.monotonic() - started


def made(asked: argparse.Namespace, folder: Path) -> tuple[Path, Session]:
    """The study's file, and its session; its store is filled unless it is there."""
    study = asked.study or folder / "study.toml"
    if not study.exists():
        study.write_text(study_text(asked.records, asked.methods, asked.targets, asked.seeds))
    session = prepare(read_study(study), Site(folder / "store", None, study.resolve().parent, False))
    if not (folder / "store").exists():
        fill(session, folder / "store", session.points)
    return study, session


def main() -> None:
    """Print a line for every command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers: Mapping[str, int] = {"records": 20_000, "methods": 20, "targets": 8, "seeds": 25}
    for name, number in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--study", type=Path)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--commands", default="status,table", help=f"of {','.join(COMMANDS)}")
    asked = parser.parse_args()
    with TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        study, session = made(asked, folder)
        tasks = len(session.study.tasks)
        print(f"{len(session.points):,} records of {tasks} tasks\n\n{'command':<28}{'processor':>12}{'wall clock':>12}")
        for when in ("", ", again", ", one record later"):
            if "later" in when:
                fill(session, folder / "store", session.points[:1])
            for command in asked.commands.split(","):
                processor, wall = clocked(command, study, folder / "store", folder)
                print(f"{command + when:<28}{processor:>10.1f} s{wall:>10.1f} s", flush=True)


if __name__ == "__main__":
    main()
