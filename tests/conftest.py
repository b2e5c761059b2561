"""What every test relies on: one thread, reproducible examples, real data only where a setting says where, commands."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import torch

from fairprune.cli import main
from fairprune.record import Environment, LedgerEntry, Metric, Parent, Record, Size
from fairprune.spec import DataSpec, Method, NetworkSpec, Recipe, Retraining, RunSpec, Target, Task

torch.set_num_threads(1)
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")

NO_DATA = "no real data: FAIRPRUNE_DATA names no folder"


def _data_root() -> Path | None:
    named = os.environ.get("FAIRPRUNE_DATA")
    return Path(named) if named and Path(named).is_dir() else None


@pytest.fixture
def data_root() -> Path:
    """The folder of real data; the test is skipped where there is none."""
    root = _data_root()
    if root is None:
        pytest.skip(NO_DATA)
    return root


@pytest.fixture
def fairprune(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command as a user would: its exit code, output and errors."""

    def fairprune(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fairprune", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    return fairprune


BASE = "0:1e-1,8:1e-2 total:12"
TUNE = "constant:1e-3 total:4"


def _trained(stage: str, schedule: str, epochs: float, macs: float, **more: Any) -> LedgerEntry:
    recipe = {"optimizer": '{"name":"sgd"}', "momentum": 0.9, "weight_decay": 1e-4, "batch_size": 64}
    fields = {"stage": stage, "schedule": schedule, "epochs": epochs, "macs_per_sample": macs, "augmentation": ""}
    return LedgerEntry.model_validate({**fields, **recipe, "executed": "small", **more})


@pytest.fixture
def trained() -> Callable[..., LedgerEntry]:
    return _trained


@pytest.fixture
def record() -> Callable[..., Record]:
    """A one-shot run, done: 12 epochs of a base of 100 multiply-adds, pruned to 50, retrained for 4 epochs."""

    def make(kind: str = "prune", **changes: Any) -> Record:
        method = Method(criterion="l1_norm", granularity="channel", allocation="uniform", start="trained")
        spec = RunSpec(
            kind=kind,  # type: ignore[arg-type]
            task=Task(data=DataSpec(name="digits"), network=NetworkSpec(name="small"), pretrain=Recipe(schedule=BASE)),
            base_seed=1,
            run_seed=2,
            method=None if kind == "dense" else method,
            target=None if kind == "dense" else Target(axis="speedup", value=2),
            retraining=Retraining(recipe=Recipe(schedule=TUNE)),
            data_digests={"train": "aa", "test": "0123456789abcdef0000"},
            versions={},
        )
        fields: dict[str, Any] = {
            "id": "run",
            "status": "done",
            "spec": spec,
            "labels": {"method": "L1", "retraining": "tune", "task": "digits-small"},
            "stages": tuple(
                Parent(stage=stage, key=f"k{i}", digest="base" if i == 0 else f"d{i}")
                for i, stage in enumerate(("pretrain", "measure", "score", "prune", "retrain", "measure"))
            ),
            "ledger": (
                _trained("pretrain", BASE, 12, 100),
                LedgerEntry(stage="measure", test_looks=1),
                LedgerEntry(stage="score", samples=512, macs_per_sample=100),
                LedgerEntry(stage="prune"),
                _trained("retrain", TUNE, 4, 50),
                LedgerEntry(stage="measure", test_looks=1),
            ),
            "metrics": (
                Metric(name="top1", split="test", value=0.9, when="base"),
                Metric(name="top1", split="test", value=0.875, when="final"),
            ),
            "dense": Size(params=1000, macs=100),
            "small": Size(params=250, macs=50),
            "kept": {"a": (3, 4), "b": (0, 4)},
            "environment": Environment(
                fairprune="0.1", python="3.11", torch="2.13", platform="x", processor="y", device="cpu", threads=1,
                deterministic=True,
            ),
        }  # fmt: skip
        return Record(**(fields | changes))

    return make


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if _data_root() is None:
        for item in items:
            if item.get_closest_marker("data"):
                item.add_marker(pytest.mark.skip(reason=NO_DATA))
