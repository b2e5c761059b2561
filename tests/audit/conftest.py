from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairprune.audit import Result
from fairprune.audit.examples import pruned
from fairprune.record import Environment, LedgerEntry, Metric, Parent, Record, Size
from fairprune.spec import DataSpec, Method, NetworkSpec, Recipe, Retraining, RunSpec, Target, Task

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


@pytest.fixture
def make() -> Callable[..., Result]:
    """The pruned example with some fields changed."""
    return pruned
